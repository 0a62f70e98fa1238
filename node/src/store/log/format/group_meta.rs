//! State of one group in the log, without its entries.

use super::codec;
use crate::store::fields::Fields;
use crate::store::log::entry::{Position, Vote};

/// One group's state as of some record. Its live entries are `first..next`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupMeta {
    pub(crate) vote: Option<Vote>,
    pub(crate) committed: Option<Position>,
    pub(crate) purged: Option<Position>,
    pub(crate) first: u64,
    pub(crate) next: u64,
}

impl GroupMeta {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        codec::put_option(out, self.vote, codec::put_vote);
        codec::put_option(out, self.committed, codec::put_position);
        codec::put_option(out, self.purged, codec::put_position);
        codec::put_u64(out, self.first);
        codec::put_u64(out, self.next);
    }

    pub(super) fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let meta = Self {
            vote: codec::read_option(fields, codec::read_vote)?,
            committed: codec::read_option(fields, codec::read_position)?,
            purged: codec::read_option(fields, codec::read_position)?,
            first: fields.u64()?,
            next: fields.u64()?,
        };
        (meta.first <= meta.next).then_some(meta)
    }

    pub(super) fn truncate(&mut self, next: u64) {
        self.next = next.clamp(self.first, self.next);
    }

    pub(super) fn purge(&mut self, upto: Position) {
        self.purged = Some(upto);
        self.first = self.first.max(upto.index + 1);
        self.next = self.next.max(self.first);
    }
}

/// Length of a segment's file in bytes; `None` for the active segment.
pub(crate) type SegmentLen = Option<u32>;

//! What the written log says of every group, entries apart.
//!
//! The writer and recovery apply the same records to the same type: so the state that a segment's
//! first record hands on is the state a replay of all before it gives.

use std::collections::BTreeMap;

use super::codec::{self, Fields};
use super::record::Control;
use crate::store::log::entry::{GroupId, Position, SegmentId, Vote};

/// One group's state up to some record. Its live entries are `first..next`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupMeta {
    pub(crate) vote: Option<Vote>,
    pub(crate) committed: Option<Position>,
    pub(crate) purged: Option<Position>,
    pub(crate) first: u64,
    pub(crate) next: u64,
}

impl GroupMeta {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        codec::put_option(out, self.vote, codec::put_vote);
        codec::put_option(out, self.committed, codec::put_position);
        codec::put_option(out, self.purged, codec::put_position);
        codec::put_u64(out, self.first);
        codec::put_u64(out, self.next);
    }

    pub(crate) fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let meta = Self {
            vote: fields.option(Fields::vote)?,
            committed: fields.option(Fields::position)?,
            purged: fields.option(Fields::position)?,
            first: fields.u64()?,
            next: fields.u64()?,
        };
        (meta.first <= meta.next).then_some(meta)
    }

    fn truncate(&mut self, next: u64) {
        self.next = next.clamp(self.first, self.next);
    }

    fn purge(&mut self, upto: Position) {
        self.purged = Some(upto);
        self.first = self.first.max(upto.index + 1);
        self.next = self.next.max(self.first);
    }
}

/// How many bytes a segment's file holds; not known of the active one.
pub(crate) type SegmentLen = Option<u32>;

/// The state of all groups, and which segments exist, up to some record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    pub(crate) groups: BTreeMap<GroupId, GroupMeta>,
    pub(crate) segments: BTreeMap<SegmentId, SegmentLen>,
}

impl Ledger {
    /// Applies an entry; `false` when it can't follow on what came before.
    pub(crate) fn entry(&mut self, group: GroupId, index: u64) -> bool {
        let meta = self.groups.entry(group).or_default();
        if meta.first == meta.next {
            meta.first = index;
            meta.next = index;
        }
        let follows = index == meta.next;
        meta.next = index + 1;
        follows
    }

    pub(crate) fn control(&mut self, control: &Control) {
        match control {
            Control::Head { segments, groups } => {
                self.segments = segments.iter().copied().collect();
                self.groups = groups.iter().copied().collect();
            }
            Control::Vote { group, vote } => self.group(*group).vote = Some(*vote),
            Control::Committed { group, committed } => self.group(*group).committed = *committed,
            Control::Truncate { group, next } => self.group(*group).truncate(*next),
            Control::Purge { group, upto } => self.group(*group).purge(*upto),
            Control::Remove { group } => {
                self.groups.remove(group);
            }
            Control::Retired { segments } => self
                .segments
                .retain(|segment, _| !segments.contains(segment)),
            Control::Vouch | Control::Closed => {}
        }
    }

    /// The first record of the next segment.
    pub(crate) fn head(&self) -> Control {
        Control::Head {
            segments: self
                .segments
                .iter()
                .map(|(segment, len)| (*segment, *len))
                .collect(),
            groups: self
                .groups
                .iter()
                .map(|(group, meta)| (*group, *meta))
                .collect(),
        }
    }

    fn group(&mut self, group: GroupId) -> &mut GroupMeta {
        self.groups.entry(group).or_default()
    }
}

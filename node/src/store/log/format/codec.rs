//! Little-endian fields of fixed width, as in record payloads.

use crate::store::log::entry::{GroupId, Leader, Position, Vote};

/// Reads fields from the front of a payload; `None` once the payload is too short.
#[derive(Debug)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn u8(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*field))
    }

    pub(crate) fn group(&mut self) -> Option<GroupId> {
        GroupId::try_from(self.u64()?).ok()
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*field))
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(crate) fn leader(&mut self) -> Option<Leader> {
        Some(Leader {
            term: self.u64()?,
            node: self.u64()?,
        })
    }

    pub(crate) fn position(&mut self) -> Option<Position> {
        Some(Position {
            leader: self.leader()?,
            index: self.u64()?,
        })
    }

    pub(crate) fn vote(&mut self) -> Option<Vote> {
        Some(Vote {
            leader: self.leader()?,
            committed: self.flag()?,
        })
    }

    /// An optional field: a flag, then the field if the flag is set.
    pub(crate) fn option<T>(
        &mut self,
        field: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.flag()? {
            field(self).map(Some)
        } else {
            Some(None)
        }
    }

    /// A count, then that number of fields.
    pub(crate) fn list<T>(
        &mut self,
        mut field: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let count = self.u64()?;
        (0..count).map(|_| field(self)).collect()
    }

    /// Returns `value` if no bytes are left.
    pub(crate) fn end<T>(&self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}

pub(crate) fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

pub(crate) fn put_group(out: &mut Vec<u8>, group: GroupId) {
    put_u64(out, u64::from(group));
}

pub(crate) fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

pub(crate) fn put_leader(out: &mut Vec<u8>, leader: Leader) {
    put_u64(out, leader.term);
    put_u64(out, leader.node);
}

pub(crate) fn put_position(out: &mut Vec<u8>, position: Position) {
    put_leader(out, position.leader);
    put_u64(out, position.index);
}

pub(crate) fn put_vote(out: &mut Vec<u8>, vote: Vote) {
    put_leader(out, vote.leader);
    out.push(u8::from(vote.committed));
}

pub(crate) fn put_option<T>(
    out: &mut Vec<u8>,
    value: Option<T>,
    put: impl FnOnce(&mut Vec<u8>, T),
) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        put(out, value);
    }
}

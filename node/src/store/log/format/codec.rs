//! Little-endian fields of fixed width, as in record payloads.

use crate::store::fields::Fields;
use crate::store::log::entry::{GroupId, Leader, Position, Vote};

pub(super) fn read_group(fields: &mut Fields<'_>) -> Option<GroupId> {
    GroupId::try_from(fields.u64()?).ok()
}

pub(super) fn read_flag(fields: &mut Fields<'_>) -> Option<bool> {
    match fields.u8()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

pub(super) fn read_leader(fields: &mut Fields<'_>) -> Option<Leader> {
    Some(Leader {
        term: fields.u64()?,
        node: fields.u64()?,
    })
}

pub(super) fn read_position(fields: &mut Fields<'_>) -> Option<Position> {
    Some(Position {
        leader: read_leader(fields)?,
        index: fields.u64()?,
    })
}

pub(super) fn read_vote(fields: &mut Fields<'_>) -> Option<Vote> {
    Some(Vote {
        leader: read_leader(fields)?,
        committed: read_flag(fields)?,
    })
}

/// An optional field: a flag, then the field if the flag is set.
pub(super) fn read_option<'a, T>(
    fields: &mut Fields<'a>,
    read: impl FnOnce(&mut Fields<'a>) -> Option<T>,
) -> Option<Option<T>> {
    match read_flag(fields)? {
        true => read(fields).map(Some),
        false => Some(None),
    }
}

/// A count, then that number of fields.
pub(super) fn read_list<'a, T>(
    fields: &mut Fields<'a>,
    mut read: impl FnMut(&mut Fields<'a>) -> Option<T>,
) -> Option<Vec<T>> {
    let count = fields.u64()?;
    (0..count).map(|_| read(fields)).collect()
}

pub(super) fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

pub(super) fn put_group(out: &mut Vec<u8>, group: GroupId) {
    put_u64(out, u64::from(group));
}

pub(super) fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

pub(super) fn put_leader(out: &mut Vec<u8>, leader: Leader) {
    put_u64(out, leader.term);
    put_u64(out, leader.node);
}

pub(super) fn put_position(out: &mut Vec<u8>, position: Position) {
    put_leader(out, position.leader);
    put_u64(out, position.index);
}

pub(super) fn put_vote(out: &mut Vec<u8>, vote: Vote) {
    put_leader(out, vote.leader);
    out.push(u8::from(vote.committed));
}

pub(super) fn put_option<T>(
    out: &mut Vec<u8>,
    value: Option<T>,
    put: impl FnOnce(&mut Vec<u8>, T),
) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        put(out, value);
    }
}

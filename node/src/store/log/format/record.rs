//! The content of a record: an entry of a group, or a control record.

use super::codec;
use super::group_meta::{GroupMeta, SegmentLen};
use super::headers::ENTRY_FIELDS_LEN;
use crate::store::fields::Fields;
use crate::store::log::entry::{GroupId, Position, SegmentId, Vote};

/// The record kind of an entry.
pub(crate) const KIND_ENTRY: u8 = 1;
/// The record kind of a segment's first record.
pub(super) const KIND_HEAD: u8 = 2;

/// The fields before an entry's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryFields {
    pub(crate) group: GroupId,
    pub(crate) position: Position,
    pub(crate) tag: u8,
}

impl EntryFields {
    pub(crate) fn encode(self) -> [u8; ENTRY_FIELDS_LEN] {
        let mut bytes = [0; ENTRY_FIELDS_LEN];
        bytes[0..8].copy_from_slice(&u64::from(self.group).to_le_bytes());
        bytes[8..16].copy_from_slice(&self.position.leader.term.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.position.leader.node.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.position.index.to_le_bytes());
        bytes[32] = self.tag;
        bytes
    }

    pub(crate) fn decode(payload: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(payload.get(..ENTRY_FIELDS_LEN)?);
        Some(Self {
            group: codec::read_group(&mut fields)?,
            position: codec::read_position(&mut fields)?,
            tag: fields.u8()?,
        })
    }

    /// Checksum of the record's payload: these fields, then the entry's own bytes.
    pub(crate) fn crc(self, payload: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(&self.encode()), payload)
    }
}

/// A record other than an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// First record of a segment: the state of all groups, and all segments with their lengths,
    /// this one included. It makes votes and purges in older segments superfluous.
    Head {
        segments: Vec<(SegmentId, SegmentLen)>,
        groups: Vec<(GroupId, GroupMeta)>,
    },
    /// A group saved its vote.
    Vote { group: GroupId, vote: Vote },
    /// A group recorded its committed position.
    Committed {
        group: GroupId,
        committed: Option<Position>,
    },
    /// A group removed its entries from index `next` on.
    Truncate { group: GroupId, next: u64 },
    /// A group removed its entries up to `upto`, inclusive.
    Purge { group: GroupId, upto: Position },
    /// A group was removed.
    Remove { group: GroupId },
    /// These segments have no live entries and are about to be deleted: if they are missing,
    /// nothing is lost.
    Retired { segments: Vec<SegmentId> },
    /// Everything before this record was durable when it was written.
    Vouch,
    /// The log was closed in an orderly way.
    Closed,
}

impl Control {
    pub(crate) fn kind(&self) -> u8 {
        match self {
            Self::Head { .. } => KIND_HEAD,
            Self::Vote { .. } => 3,
            Self::Committed { .. } => 4,
            Self::Truncate { .. } => 5,
            Self::Purge { .. } => 6,
            Self::Remove { .. } => 7,
            Self::Retired { .. } => 8,
            Self::Vouch => 9,
            Self::Closed => 10,
        }
    }

    /// Whether this build knows a record kind other than [`KIND_ENTRY`].
    pub(crate) fn knows(kind: u8) -> bool {
        (2..=10).contains(&kind)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        match self {
            Self::Head { segments, groups } => {
                codec::put_u64(&mut out, segments.len() as u64);
                for (segment, len) in segments {
                    codec::put_u64(&mut out, *segment);
                    codec::put_option(&mut out, *len, codec::put_u32);
                }
                codec::put_u64(&mut out, groups.len() as u64);
                for (group, meta) in groups {
                    codec::put_group(&mut out, *group);
                    meta.encode(&mut out);
                }
            }
            Self::Vote { group, vote } => {
                codec::put_group(&mut out, *group);
                codec::put_vote(&mut out, *vote);
            }
            Self::Committed { group, committed } => {
                codec::put_group(&mut out, *group);
                codec::put_option(&mut out, *committed, codec::put_position);
            }
            Self::Truncate { group, next } => {
                codec::put_group(&mut out, *group);
                codec::put_u64(&mut out, *next);
            }
            Self::Purge { group, upto } => {
                codec::put_group(&mut out, *group);
                codec::put_position(&mut out, *upto);
            }
            Self::Remove { group } => codec::put_group(&mut out, *group),
            Self::Retired { segments } => {
                codec::put_u64(&mut out, segments.len() as u64);
                segments
                    .iter()
                    .for_each(|segment| codec::put_u64(&mut out, *segment));
            }
            Self::Vouch | Self::Closed => {}
        }
        out
    }

    /// `None` for an unknown kind, and for a payload that does not fit its kind.
    pub(crate) fn decode(kind: u8, payload: &[u8]) -> Option<Self> {
        let fields = &mut Fields::new(payload);
        let control = match kind {
            KIND_HEAD => Self::Head {
                segments: codec::read_list(fields, |fields| {
                    Some((fields.u64()?, codec::read_option(fields, Fields::u32)?))
                })?,
                groups: codec::read_list(fields, |fields| {
                    Some((codec::read_group(fields)?, GroupMeta::decode(fields)?))
                })?,
            },
            3 => Self::Vote {
                group: codec::read_group(fields)?,
                vote: codec::read_vote(fields)?,
            },
            4 => Self::Committed {
                group: codec::read_group(fields)?,
                committed: codec::read_option(fields, codec::read_position)?,
            },
            5 => Self::Truncate {
                group: codec::read_group(fields)?,
                next: fields.u64()?,
            },
            6 => Self::Purge {
                group: codec::read_group(fields)?,
                upto: codec::read_position(fields)?,
            },
            7 => Self::Remove {
                group: codec::read_group(fields)?,
            },
            8 => Self::Retired {
                segments: codec::read_list(fields, Fields::u64)?,
            },
            9 => Self::Vouch,
            10 => Self::Closed,
            _ => return None,
        };
        fields.is_empty().then_some(control)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::log::entry::Leader;

    #[test]
    fn control_records_come_back_as_they_were() {
        let position = Position {
            leader: Leader { term: 3, node: 4 },
            index: 5,
        };
        let vote = Vote {
            leader: position.leader,
            committed: true,
        };
        let meta = GroupMeta {
            vote: Some(vote),
            committed: None,
            purged: Some(position),
            first: 6,
            next: 9,
        };
        let records = [
            Control::Head {
                segments: vec![(1, Some(5)), (7, None)],
                groups: vec![(2, meta), (3, GroupMeta::default())],
            },
            Control::Vote { group: 1, vote },
            Control::Committed {
                group: 1,
                committed: Some(position),
            },
            Control::Truncate { group: 1, next: 8 },
            Control::Purge {
                group: 1,
                upto: position,
            },
            Control::Remove { group: 1 },
            Control::Retired { segments: vec![4] },
            Control::Vouch,
            Control::Closed,
        ];
        for record in records {
            let payload = record.encode();
            assert!(Control::knows(record.kind()));
            assert_eq!(
                Control::decode(record.kind(), &payload),
                Some(record.clone())
            );
            let mut longer = payload.clone();
            longer.push(0);
            assert_eq!(
                Control::decode(record.kind(), &longer),
                None,
                "{record:?} with a byte too many"
            );
        }
    }
}

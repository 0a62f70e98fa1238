//! Damage to stored state.

use thiserror::Error;

use super::digest::Digest;
use super::position::Position;
use crate::store::group_id::GroupId;

/// A group's stored state is damaged. Nothing of the damaged record was returned.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("shard {group}: {damage}")]
pub struct Damaged {
    /// The group that was read.
    pub group: GroupId,
    /// The damage.
    pub damage: Damage,
}

/// The kinds of damage.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Damage {
    /// A record's bytes are not those that were written.
    #[error("the record {key_prefix}… fails its checksum")]
    Checksum {
        /// The first eight bytes of the key, in hex.
        key_prefix: String,
    },
    /// A record was written by a later build.
    #[error("the record {key_prefix}… has format version {version}, unknown to this build")]
    UnknownVersion {
        /// The first eight bytes of the key, in hex.
        key_prefix: String,
        /// The version in the record.
        version: u8,
    },
    /// The group's meta record is missing.
    #[error("there are records, but no record of the position they belong to")]
    MetaMissing,
    /// The group's meta record has a valid checksum, but invalid content.
    #[error("the record of the shard's position is malformed")]
    MetaMalformed,
    /// The record of the group's current tree is damaged.
    #[error("the record of the shard's tree is malformed")]
    PointerMalformed,
    /// The tree returned a key that can't be at this place.
    #[error("a key is outside the shard's key space or out of order")]
    KeyOrder,
    /// Records are missing, outdated or were brought back.
    #[error("the tree holds {found}, not {promised}")]
    DigestMismatch {
        /// The digest in the meta record.
        promised: Digest,
        /// The digest of the records.
        found: Digest,
    },
    /// The state is valid, but older than a checkpoint that was durable.
    #[error("a checkpoint at {known} was durable, the tree is at {}", or_none(.found))]
    RolledBack {
        /// Position of the tree.
        found: Option<Position>,
        /// Position of the durable checkpoint.
        known: Position,
    },
    /// sled returned an error.
    #[error("sled: {0}")]
    Sled(String),
    /// sled panicked; the panic was caught.
    #[error("sled panicked: {0}")]
    Panicked(String),
    /// An earlier failure made the open store unusable.
    #[error("the store is out of use since: {0}")]
    OutOfUse(String),
}

impl Damage {
    pub(super) fn of(self, group: GroupId) -> Damaged {
        Damaged {
            group,
            damage: self,
        }
    }
}

/// The first eight bytes of a key, in hex: enough to find the record, without a learner's name in
/// the logs.
pub(super) fn key_prefix(key: &[u8]) -> String {
    key.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn or_none(position: &Option<Position>) -> String {
    position.map_or_else(|| "none".to_owned(), |position| position.to_string())
}

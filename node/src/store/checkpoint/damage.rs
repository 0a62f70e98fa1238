//! What can be found wrong with stored state.

use thiserror::Error;

use super::digest::Digest;
use super::position::Position;
use crate::store::group_id::GroupId;

/// A group's stored state can't be trusted. Nothing of the damaged record was handed out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("shard {group}: {damage}")]
pub struct Damaged {
    /// The group whose state was read.
    pub group: GroupId,
    /// What is wrong with it.
    pub damage: Damage,
}

/// The kinds of damage.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Damage {
    /// A record is not what was written.
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
        /// The version it claims.
        version: u8,
    },
    /// The group's meta record is lost.
    #[error("there are records, but no record of the position they belong to")]
    MetaMissing,
    /// The group's meta record is as written, but makes no sense.
    #[error("the record of the shard's position is malformed")]
    MetaMalformed,
    /// The tree yields keys that can't be in this place.
    #[error("a key is outside the shard's key space or out of order")]
    KeyOrder,
    /// Records are lost, stale or risen from the dead.
    #[error("the tree holds {found}, not {promised}")]
    DigestMismatch {
        /// What the meta record says.
        promised: Digest,
        /// What is there.
        found: Digest,
    },
    /// A valid state, but an older one than was known to be durable.
    #[error("a checkpoint at {known} was durable, the tree is at {}", or_none(.found))]
    RolledBack {
        /// Where the tree is.
        found: Option<Position>,
        /// Where it was.
        known: Position,
    },
    /// sled answered with an error.
    #[error("sled: {0}")]
    Sled(String),
    /// sled panicked; the panic was caught.
    #[error("sled panicked: {0}")]
    Panicked(String),
    /// An earlier failure made the open instance unusable.
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

/// The first eight bytes of a key, in hex: enough to find the record, without spelling a learner's
/// name into logs.
pub(super) fn key_prefix(key: &[u8]) -> String {
    key.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn or_none(position: &Option<Position>) -> String {
    position.map_or_else(|| "none".to_owned(), |position| position.to_string())
}

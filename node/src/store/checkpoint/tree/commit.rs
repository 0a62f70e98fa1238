//! A commit, and its errors.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::meta::META_BYTES_MAX;
use super::record::{KEY_BYTES_MAX, PAYLOAD_BYTES_MAX};
use crate::store::checkpoint::damage::Damaged;
use crate::store::checkpoint::position::Position;
use crate::store::group_id::GroupId;

/// Most bytes of keys, payloads and meta in one commit, unless the store's options say otherwise.
/// sled needs a multiple of them in memory, and no other read or write of the store runs while they
/// go into the tree.
pub const COMMIT_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// A record's key, and its new payload; `None` to remove it.
pub type Change = (Vec<u8>, Option<Vec<u8>>);

/// What changed in a group since its last checkpoint.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The log position of the new state; ahead of the last committed one.
    pub position: Position,
    /// The caller's bytes, which replace those of the last commit. At most [`META_BYTES_MAX`]
    /// bytes.
    pub meta: Vec<u8>,
    /// Key and new payload, or `None` to remove the record. The last of several changes to a key
    /// wins. Keys have 1 to [`KEY_BYTES_MAX`] bytes, payloads up to [`PAYLOAD_BYTES_MAX`].
    pub changes: Vec<Change>,
}

/// Duration and size of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitFigures {
    /// From the call until everything was durable, including the wait for the group's lock.
    pub duration: Duration,
    /// Records written or removed.
    pub records: u64,
    /// Bytes of keys, payloads and meta.
    pub bytes: u64,
}

/// A commit is not known to be durable.
///
/// Unless it was refused ([`CommitError::is_refusal`]), the store is out of use, and only a restart
/// shows whether the commit is on disk.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The store was opened for fewer groups.
    #[error("there is no shard {0}")]
    NoSuchGroup(GroupId),
    /// The group's recovery has not ended.
    #[error("shard {0} is not recovered yet")]
    NotRecovered(GroupId),
    /// A size exceeds its limit.
    #[error("{what} has {bytes} bytes, of at most {bytes_max}")]
    TooLarge {
        /// What exceeds it.
        what: &'static str,
        /// The record that exceeds it, or the largest one of a commit that does, by its key.
        key: Option<Vec<u8>>,
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Keys have at least one byte.
    #[error("a key is empty")]
    EmptyKey,
    /// A group's commits must ascend in index, and must not descend in term.
    #[error("position {given} is not ahead of {committed}")]
    NotAhead {
        /// The commit's position.
        given: Position,
        /// The last commit's position.
        committed: Position,
    },
    /// sled failed, or a record that was to be replaced is damaged.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// The disk is full, a limit of the system was reached, or the like.
    #[error("the environment failed sled: {0}")]
    Environment(String),
    /// After a failed fsync the content of the disk is unknown, and a second fsync does not reveal
    /// it: the process must stop.
    #[error("making {what} durable failed: {source}")]
    Fsync {
        /// Which files.
        what: &'static str,
        /// The system's error.
        source: Arc<io::Error>,
    },
    /// One of sled's threads has probably died.
    #[error("sled did not flush within {after:?}")]
    Stuck {
        /// Time that the commit waited for the flush.
        after: Duration,
    },
}

impl CommitError {
    /// Whether the commit was refused before anything was written; the store stays in use.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            CommitError::NoSuchGroup(_)
                | CommitError::NotRecovered(_)
                | CommitError::TooLarge { .. }
                | CommitError::EmptyKey
                | CommitError::NotAhead { .. }
        )
    }
}

impl Commit {
    /// Checks the limits, and returns the total size in bytes.
    pub(crate) fn checked_bytes(&self, commit_bytes_max: usize) -> Result<u64, CommitError> {
        at_most("the meta", None, self.meta.len(), META_BYTES_MAX)?;
        let mut bytes = self.meta.len();
        let (mut largest, mut largest_bytes) = (None, 0);
        for (key, payload) in &self.changes {
            if key.is_empty() {
                return Err(CommitError::EmptyKey);
            }
            let payload_bytes = payload.as_ref().map_or(0, Vec::len);
            at_most("a key", Some(&key[..]), key.len(), KEY_BYTES_MAX)?;
            at_most(
                "a payload",
                Some(&key[..]),
                payload_bytes,
                PAYLOAD_BYTES_MAX,
            )?;
            bytes += key.len() + payload_bytes;
            if payload_bytes >= largest_bytes {
                (largest, largest_bytes) = (Some(&key[..]), payload_bytes);
            }
        }
        at_most("the commit", largest, bytes, commit_bytes_max)?;
        Ok(bytes as u64)
    }
}

fn at_most(
    what: &'static str,
    key: Option<&[u8]>,
    bytes: usize,
    bytes_max: usize,
) -> Result<(), CommitError> {
    if bytes <= bytes_max {
        return Ok(());
    }
    Err(CommitError::TooLarge {
        what,
        key: key.map(<[u8]>::to_vec),
        bytes,
        bytes_max,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_that_is_too_large_names_its_largest_record() {
        let (term, node, index) = (1, 1, 1);
        let record = |key: &[u8], bytes| (key.to_vec(), Some(vec![0; bytes]));
        let commit = |changes| Commit {
            position: Position { term, node, index },
            meta: vec![0; 10],
            changes,
        };
        let three = vec![record(b"a", 1), record(b"b", 5), record(b"c", 2)];
        assert!(matches!(commit(three.clone()).checked_bytes(21), Ok(21)));
        let Err(CommitError::TooLarge { what, key, .. }) = commit(three).checked_bytes(20) else {
            panic!("it was not refused");
        };
        assert_eq!((what, key.as_deref()), ("the commit", Some(&b"b"[..])));
        let alone = vec![record(b"a", 1), record(b"b", PAYLOAD_BYTES_MAX + 1)];
        let Err(CommitError::TooLarge { what, key, .. }) = commit(alone).checked_bytes(usize::MAX)
        else {
            panic!("it was not refused");
        };
        assert_eq!((what, key.as_deref()), ("a payload", Some(&b"b"[..])));
    }
}

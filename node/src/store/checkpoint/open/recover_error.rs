//! Errors of recovering a group.

use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::store::checkpoint::bases::BaseError;
use crate::store::checkpoint::damage::Damaged;
use crate::store::checkpoint::tree::commit::CommitError;
use crate::store::group_id::GroupId;

/// A group was not recovered. A damaged tree is no error: it is rebuilt from a base.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// The store was opened for fewer groups.
    #[error("there is no shard {0}")]
    NoSuchGroup(GroupId),
    /// sled itself is damaged and is marked suspect: the next open rebuilds all groups from bases.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// The disk is full, a limit of the system was reached, or the like.
    #[error("the environment failed sled: {0}")]
    Environment(String),
    /// A file operation of the store failed.
    #[error("{what} failed: {source}")]
    Io {
        /// The operation.
        what: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The bases can't be read; they may be valid.
    #[error(transparent)]
    Base(#[from] BaseError),
    /// Even a new tree does not contain what was written to it.
    #[error("rebuilding from a base failed: {0}")]
    Rebuild(String),
    /// The rebuilt tree could not be made durable.
    #[error(transparent)]
    Store(#[from] CommitError),
    /// The files were marked suspect: after a restart of the *process* the next open rebuilds them.
    /// A stuck thread is left.
    #[error("no progress for {after:?}")]
    Stuck {
        /// Time without progress.
        after: Duration,
    },
}

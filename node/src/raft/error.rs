//! Errors of a group, by operation.

use std::{io, sync::Arc};

use crate::store::checkpoint::CommitError;

/// A group does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The stored state can't be read.
    #[error("{group}: its stored state can't be read: {error}")]
    State {
        /// Which group.
        group: String,
        /// What is wrong.
        error: io::Error,
    },
    /// Entries between the state and the log's beginning are missing.
    #[error(
        "{group}: the log begins after entry {purged}, but the newest state that can be had ends at {state}: \
         restore the checkpoint directory's bases from a backup"
    )]
    LogTooShort {
        /// Which group.
        group: String,
        /// Last purged index.
        purged: u64,
        /// Index of the state, in words.
        state: String,
    },
    /// The log ends before the state: acknowledged entries are missing.
    #[error(
        "{group}: the log ends at {last}, but the state stands at entry {state}: the log directory was lost or \
         replaced; put it back, or start with an empty data directory"
    )]
    LogLost {
        /// Which group.
        group: String,
        /// Last index, in words.
        last: String,
        /// Index of the state.
        state: u64,
    },
    /// openraft returned an error.
    #[error("{group}: {reason}")]
    Raft {
        /// Which group.
        group: String,
        /// Why.
        reason: String,
    },
}

/// A proposal was not accepted, or its outcome is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// Another replica leads, or none does, or this one has failed. Nothing was written.
    #[error("this replica does not lead")]
    NotLeader,
    /// A checkpoint of the group was refused for its size, so it takes no more entries; the reason.
    /// Nothing was written.
    #[error("it takes no more entries: {0}")]
    Sealed(Arc<str>),
    /// The entry may or may not be in the log, and may yet be committed: its deadline has passed,
    /// the leadership was lost, or the group has stopped.
    #[error("whether it was written is unknown: {0}")]
    Unknown(String),
}

/// A base was not cut. The log is kept until one is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a base was not cut: {0}")]
pub struct BaseFailed(pub String);

/// A checkpoint failed.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The store failed; the process must stop.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The task that wrote it did not complete.
    #[error("writing a checkpoint was given up: {0}")]
    Task(String),
}

/// A replica receives no messages: it has ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the replica has ended: {0}")]
pub struct ReceiveError(pub String);

/// The voters or the leader of a group were not changed, or that is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the group was not changed: {0}")]
pub struct ChangeError(pub String);

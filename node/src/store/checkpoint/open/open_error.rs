//! Why a store can't be opened.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::store::checkpoint::bases::BaseError;

/// The store is not open. Damaged state is not among the reasons: that is rebuilt.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// An argument of the open.
    #[error("{0} is out of bounds")]
    OutOfBounds(&'static str),
    /// A file operation of the store's own.
    #[error("{what} failed: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The directories of the bases can't be read.
    #[error("listing the bases failed: {0}")]
    Bases(#[source] BaseError),
    /// Another process, or another store in this one, has it open.
    #[error("{} is in use", path.display())]
    Locked {
        /// The file or directory that is locked.
        path: PathBuf,
    },
    /// The cluster's id is not the one the store was founded with.
    #[error("the directory holds the state of another cluster")]
    ForeignCluster,
    /// The number of groups is fixed when the store is founded.
    #[error("the directory holds {stored} shards, not {given}")]
    OtherGroupCount {
        /// As founded.
        stored: u16,
        /// As asked for.
        given: u16,
    },
    /// The disk is full, a limit of the system was met, or the like.
    #[error("the environment failed sled: {0}")]
    Environment(String),
    /// Not even a new sled directory held what was put into it.
    #[error("rebuilding from bases failed: {0}")]
    Rebuild(String),
    /// The files were marked suspect: after a restart of the *process* the next open rebuilds. A
    /// thread was left behind, so opening again in this process will find the directory in use.
    #[error("no progress for {after:?}")]
    Stuck {
        /// How long.
        after: Duration,
    },
}

impl OpenError {
    /// For `map_err`: names what failed.
    pub(crate) fn io(what: &'static str) -> impl FnOnce(io::Error) -> OpenError {
        move |source| OpenError::Io { what, source }
    }
}

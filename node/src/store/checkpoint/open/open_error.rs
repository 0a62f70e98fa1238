//! Errors of opening a store.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::store::checkpoint::bases::BaseError;

/// The store could not be opened. Damaged state is not an error: it is rebuilt.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// An argument is out of bounds.
    #[error("{0} is out of bounds")]
    OutOfBounds(&'static str),
    /// A file operation of the store failed.
    #[error("{what} failed: {source}")]
    Io {
        /// The operation.
        what: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The directories of the bases can't be read.
    #[error("listing the bases failed: {0}")]
    Bases(#[source] BaseError),
    /// Another process has the store open, or another store in this process.
    #[error("{} is in use", path.display())]
    Locked {
        /// The file or directory that is locked.
        path: PathBuf,
    },
    /// The store was created for another cluster.
    #[error("the directory holds the state of another cluster")]
    ForeignCluster,
    /// The number of groups is fixed when the store is created.
    #[error("the directory holds {stored} shards, not {given}")]
    OtherGroupCount {
        /// The number at creation.
        stored: u16,
        /// The given number.
        given: u16,
    },
    /// The disk is full, a limit of the system was reached, or the like.
    #[error("the environment failed sled: {0}")]
    Environment(String),
    /// Even a new sled directory does not contain what was written to it.
    #[error("rebuilding from bases failed: {0}")]
    Rebuild(String),
    /// The files were marked suspect: after a restart of the *process* the next open rebuilds them.
    /// A stuck thread is left, so a second open in this process finds the directory in use.
    #[error("no progress for {after:?}")]
    Stuck {
        /// Time without progress.
        after: Duration,
    },
}

impl OpenError {
    /// For `map_err`: adds the name of the operation.
    pub(crate) fn io(what: &'static str) -> impl FnOnce(io::Error) -> OpenError {
        move |source| OpenError::Io { what, source }
    }
}

//! Why a read, or the cut of a base, fails.

use thiserror::Error;

use super::bases::BaseError;
use super::damage::Damaged;

/// A read failed. "Not found" is not an error.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The store was opened for fewer shards.
    #[error("there is no shard {0}")]
    NoSuchShard(u16),
    /// Nothing was served.
    #[error(transparent)]
    Damaged(#[from] Damaged),
}

/// No base was cut; the ones before it are as they were.
#[derive(Debug, Error)]
pub enum CutError {
    /// The store was opened for fewer shards.
    #[error("there is no shard {0}")]
    NoSuchShard(u16),
    /// There is no position to cut at.
    #[error("nothing was committed to the shard yet")]
    NothingCommitted,
    /// The shard's tree is at fault.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// Writing failed, or reading one.
    #[error(transparent)]
    Base(#[from] BaseError),
}

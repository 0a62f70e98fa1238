//! Why a read, or the cut of a base, fails.

use thiserror::Error;

use super::bases::BaseError;
use super::damage::Damaged;
use crate::store::group_id::GroupId;

/// A read failed. "Not found" is not an error.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The store was opened for fewer groups.
    #[error("there is no shard {0}")]
    NoSuchGroup(GroupId),
    /// Nothing was served.
    #[error(transparent)]
    Damaged(#[from] Damaged),
}

/// No base was cut; the ones before it are as they were.
#[derive(Debug, Error)]
pub enum CutError {
    /// The store was opened for fewer groups.
    #[error("there is no shard {0}")]
    NoSuchGroup(GroupId),
    /// There is no position to cut at.
    #[error("nothing was committed to the shard yet")]
    NothingCommitted,
    /// The group's tree is at fault.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// Writing failed, or reading one.
    #[error(transparent)]
    Base(#[from] BaseError),
}

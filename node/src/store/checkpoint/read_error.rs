//! Errors of reads, and of cutting a base.

use thiserror::Error;

use super::bases::BaseError;
use super::damage::Damaged;
use crate::store::group_id::GroupId;

/// A read failed. A missing record is not an error.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The store was opened for fewer groups.
    #[error("there is no shard {0}")]
    NoSuchGroup(GroupId),
    /// The group's recovery has not ended.
    #[error("shard {0} is not recovered yet")]
    NotRecovered(GroupId),
    /// The record is damaged; nothing was returned.
    #[error(transparent)]
    Damaged(#[from] Damaged),
}

/// No base was cut; earlier bases are unchanged.
#[derive(Debug, Error)]
pub enum CutError {
    /// The store was opened for fewer groups.
    #[error("there is no shard {0}")]
    NoSuchGroup(GroupId),
    /// The group's recovery has not ended.
    #[error("shard {0} is not recovered yet")]
    NotRecovered(GroupId),
    /// There is no committed state.
    #[error("nothing was committed to the shard yet")]
    NothingCommitted,
    /// The group's tree is damaged.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// Writing the base failed, or reading an earlier one.
    #[error(transparent)]
    Base(#[from] BaseError),
}

//! Errors of receiving and installing a base.

use thiserror::Error;

use crate::store::checkpoint::bases::BaseError;
use crate::store::checkpoint::tree::commit::CommitError;
use crate::store::group_id::GroupId;

/// A base was not installed, or it is not known whether it was.
///
/// Unless it was refused ([`InstallError::is_refusal`]), the store is out of use, and only a
/// restart shows whether the group has its old or its new state.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InstallError {
    /// Another base is being installed into the group, or it is being recovered.
    #[error("shard {0} is being recovered, or replaced by another base")]
    Busy(GroupId),
    /// The received base is not valid, or the disk failed to keep it.
    #[error("the received base: {0}")]
    Received(#[source] BaseError),
    /// The base is not ahead of the group, or sled failed.
    #[error(transparent)]
    Store(#[from] CommitError),
    /// The received base did not become the group's base, though its tree has become the group's.
    #[error("the received base could not replace the bases: {0}")]
    Replace(#[source] BaseError),
}

impl InstallError {
    /// Whether the group has its old state and the store stays in use.
    pub fn is_refusal(&self) -> bool {
        match self {
            InstallError::Busy(_) | InstallError::Received(_) => true,
            InstallError::Store(error) => error.is_refusal(),
            InstallError::Replace(_) => false,
        }
    }
}

//! Why a delivery has no outcome.

use crate::shard::PartError;

/// Why a delivery has no outcome. It should be sent again in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// This node does not lead its shard; nothing was written.
    #[error("this node does not lead the shard; nothing was written")]
    NotLeader,
    /// Its shard takes no more events; nothing was written.
    #[error("the shard takes no more events; nothing was written")]
    Sealed,
    /// Its shard's replica on this node has failed; nothing was written.
    #[error("the shard's replica on this node has failed; nothing was written")]
    Failed,
    /// Its shard did not take it in time; nothing was written.
    #[error("the shard did not take them in time; nothing was written")]
    Overdue,
    /// It may or may not be stored, and may yet be. With the same id it counts once, however often
    /// it is sent.
    #[error(
        "the outcome is unknown: they may or may not be stored; it is safe to send the same events again"
    )]
    Unknown,
}

impl From<PartError> for DeliveryError {
    fn from(error: PartError) -> Self {
        match error {
            PartError::NotLeader => Self::NotLeader,
            PartError::Sealed => Self::Sealed,
            PartError::Overdue => Self::Overdue,
            PartError::Unknown => Self::Unknown,
        }
    }
}

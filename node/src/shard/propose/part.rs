//! A request's deliveries for one shard, and their outcome.

use homeroom_core::{entry::RecordBuffer, shard::Outcome};
use tokio::sync::OwnedSemaphorePermit;

use crate::fan_in::Slot;

/// Deliveries to propose.
pub struct Part {
    /// Encoded records, in order.
    pub records: RecordBuffer,
    /// Bytes reserved in the node's queue; released when the part is dropped.
    pub permit: OwnedSemaphorePermit,
    /// Receives the outcome.
    pub reply: Slot<Result<PartApplied, PartError>>,
}

/// All deliveries of a part are durable and applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartApplied {
    /// Index of the entry that contains them.
    pub index: u64,
    /// One for each delivery, in order.
    pub outcomes: Vec<Outcome>,
}

/// The deliveries were not applied, or that is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// This node does not lead the shard; nothing was written.
    #[error("this node does not lead the shard")]
    NotLeader,
    /// The shard takes no more events; nothing was written.
    #[error("the shard takes no more events")]
    Sealed,
    /// The shard is stopping; the deliveries may or may not be in its log. A retry with the same
    /// ids is safe.
    #[error("the shard is stopping")]
    Stopped,
}

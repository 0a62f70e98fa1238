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
    /// Term in which it was proposed.
    pub term: u64,
    /// Incarnation of the replica that proposed it.
    pub leader: u64,
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
    /// The shard is behind: the deliveries were not proposed in time; nothing was written.
    #[error("the shard did not take them in time")]
    Overdue,
    /// The deliveries may or may not be in the shard's log, and may yet be applied. A retry with
    /// the same ids is safe.
    #[error("whether they were written is unknown")]
    Unknown,
}

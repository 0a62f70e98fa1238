//! A shard on this node: batches deliveries into entries, applies committed entries to learners,
//! answers reads.
//!
//! Must not know: how events were received (gRPC, HTTP), other shards, the cluster.

mod apply;
mod checkpoint;
mod events;
mod outcomes;
mod propose;
mod read;
mod replica;
mod residency;
mod slicer;
mod view;

pub use apply::Watch;
pub use events::ShardEvents;
pub use propose::{BatchLimits, Part, PartApplied, PartError};
pub use read::{
    Consistency, PageLimits, PageTask, Read, ReadError, ReadOptions, RosterVisitor, WindowPage,
    WindowReader,
};
pub use replica::{ShardReplica, ShardSetup};
pub use residency::LearnerMemory;
pub use slicer::Slicer;
pub use view::View;

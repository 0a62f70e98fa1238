//! A shard on this node: batches in, entries through its Raft group, learners told, answers read.
//!
//! Must not know: how events came in (gRPC, HTTP), other shards, the cluster.

mod batcher;
mod blocks;
mod chores;
mod directory;
mod eviction;
mod groups;
mod machine;
mod memory;
mod packing;
mod part;
mod read;
mod recover;
mod replica;
mod reply;
mod roster;
mod saving;
mod sweeper;
mod tell;
mod ticker;
mod view;
mod watchers;

pub use batcher::BatchLimits;
pub use chores::Chores;
pub use machine::ShardEvents;
pub use memory::LearnerMemory;
pub use part::{Part, PartApplied, PartError};
pub use read::{Consistency, Read, ReadError, ReadOptions};
pub use replica::{ShardReplica, ShardSetup};
pub use reply::{Replied, Reply, replies};
pub use roster::RosterVisitor;
pub use view::View;
pub use watchers::Watch;

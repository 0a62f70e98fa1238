//! The meaning of the control plane's log: members, shard map, incarnations and settings.
//!
//! Pure: the same entries give the same state on every node. Must not know events, learners, or how
//! entries are replicated.

mod command;
mod encoding;
mod state;

pub use command::{ClusterCommand, Founding, Member};
pub use state::{ClusterState, Founded, ShardPlacement};

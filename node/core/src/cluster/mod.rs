//! What the control plane's log means: members, shard map, incarnations and settings.
//!
//! Must not know: events, learners, how entries are replicated.

mod command;
mod state;

pub use command::{ClusterCommand, Founding, Member};
pub use state::{ClusterState, Founded, ShardPlacement};

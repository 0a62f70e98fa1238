//! The control plane on this node: the Raft group that knows the cluster's members, shards and settings.
//!
//! Must not know: events, learners.

mod machine;
mod plane;
mod state;

pub use plane::{ControlPlane, UpdateError};
pub use state::{ClusterState, Command, Founded, Founding, Member, ShardPlacement};

//! The control plane on this node: the Raft group of the cluster's members, shards and settings.
//!
//! Must not know: events, learners.

mod machine;
mod plane;

pub use plane::{ControlPlane, UpdateError};

//! Raft. The rest of the node names no type or trait of openraft.
//!
//! Must not know: the meaning of a proposal's bytes, the layout of the log on disk.

mod checkpointing;
mod error;
mod group;
mod log_codec;
mod log_store;
mod machine;
mod network;
mod seal;
mod snapshot;
mod types;

pub use error::{BaseFailed, ProposeError, StartError};
pub use group::{CHECKPOINTS_AT_ONCE, Group, GroupConfig, GroupResources};
pub use log_store::LogStore;
pub use machine::{Capture, Replicated, UNSAVED_BYTES_DUE};
pub use types::{Applied, CheckpointOutcome, Membership, Proposal, TypeConfig};

//! Raft, behind one door: openraft's types and traits are named here and nowhere else in the node.
//!
//! Must not know: what a proposal's bytes mean, nor how the log is laid out on disk.

mod checkpointing;
mod error;
mod group;
mod log_codec;
mod log_store;
mod machine;
mod network;
mod snapshot;
mod types;

pub use error::{BaseFailed, ProposeError, StartError};
pub use group::{CHECKPOINTS_AT_ONCE, Group, GroupConfig, GroupResources};
pub use log_store::LogStore;
pub use machine::{Capture, Replicated, UNSAVED_BYTES_DUE};
pub use types::{Applied, CheckpointOutcome, Membership, Proposal, TypeConfig};

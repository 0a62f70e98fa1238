//! Raft. The rest of the node names no type or trait of openraft.
//!
//! Must not know: the meaning of a proposal's bytes, the layout of the log on disk, how messages
//! reach other nodes.

mod checkpointing;
mod config;
mod error;
mod group;
mod leadership;
mod life;
mod log;
mod machine;
mod peers;
mod replica;
mod replicated;
mod seal;
mod snapshot;
mod state_record;
mod state_store;
#[cfg(test)]
mod tests;
mod types;

pub use config::{GroupConfig, GroupResources};
pub use error::{BaseFailed, ChangeError, CheckpointError, ProposeError, ReceiveError, StartError};
pub use group::{CHECKPOINTS_AT_ONCE, Group};
pub use leadership::Leadership;
pub use log::LogStore;
pub use peers::transport::{
    Answer, BaseMessage, Message, NoPeers, Peer, Transport, TransportError,
};
pub use replicated::{Capture, Replicated, UNSAVED_BYTES_DUE};
pub use state_store::{NewestBase, StateStore, StoredState, StoredStates};
pub use types::{Applied, CheckpointOutcome, Membership, Proposal, TypeConfig, Written};

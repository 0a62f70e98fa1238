//! Why a node does not start.

use std::io;

use super::identity::IdentityError;
use crate::{
    raft::{ProposeError, StartError},
    store::{checkpoint, log},
};

/// A node does not start; nothing was changed that a later start could not go on from.
#[derive(Debug, thiserror::Error)]
pub enum StartNodeError {
    /// The data folder can't be used.
    #[error("the data folder {dir}: {error}")]
    DataDir {
        /// Which.
        dir: String,
        /// Why not.
        error: io::Error,
    },
    /// Who this node is can't be told.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A setting that counts at founding differs from what the cluster was founded with.
    #[error(
        "{field} = {given}, but this cluster was founded with {founded}: leave it out{otherwise}"
    )]
    Differs {
        /// The setting.
        field: &'static str,
        /// What was given now.
        given: String,
        /// What holds.
        founded: String,
        /// What to do instead.
        otherwise: &'static str,
    },
    /// The log does not open.
    #[error("the log: {0}")]
    Log(#[from] log::OpenError),
    /// There can be no more threads.
    #[error("a thread does not start: {0}")]
    Thread(io::Error),
    /// The checkpoints do not open.
    #[error("the checkpoints: {0}")]
    Checkpoints(#[from] checkpoint::OpenError),
    /// A group does not start.
    #[error(transparent)]
    Group(#[from] StartError),
    /// A shard did not take the cluster's settings.
    #[error("handing the settings to a shard: {0}")]
    Settings(#[from] ProposeError),
    /// A task or actor did not start.
    #[error("{0}")]
    Task(String),
}

//! Why a node does not start.

use std::io;

use super::identity::IdentityError;
use crate::{
    raft::StartError,
    store::{checkpoint, log},
};

/// A node did not start. Nothing was changed that prevents a later start.
#[derive(Debug, thiserror::Error)]
pub enum StartNodeError {
    /// The data folder can't be used.
    #[error("the data folder {dir}: {error}")]
    DataDir {
        /// Its path.
        dir: String,
        /// The system's error.
        error: io::Error,
    },
    /// The identity file can't be read or written.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A setting that is fixed at the founding differs from the cluster's.
    #[error(
        "{field} = {given}, but this cluster was founded with {founded}: leave it out{otherwise}"
    )]
    Differs {
        /// Name of the setting.
        field: &'static str,
        /// The value given now.
        given: String,
        /// The cluster's value.
        founded: String,
        /// What to do about it.
        otherwise: &'static str,
    },
    /// The log does not open.
    #[error("the log: {0}")]
    Log(#[from] log::OpenError),
    /// The system has no more threads.
    #[error("a thread does not start: {0}")]
    Thread(io::Error),
    /// The checkpoints do not open.
    #[error("the checkpoints: {0}")]
    Checkpoints(#[from] checkpoint::OpenError),
    /// A group does not start.
    #[error(transparent)]
    Group(#[from] StartError),
    /// A task or actor did not start.
    #[error("{0}")]
    Task(String),
}

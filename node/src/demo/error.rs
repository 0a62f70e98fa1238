//! Errors of a demo.

use std::io;

use homeroom_client::{CallError, EndpointError};

use crate::{config::ConfigError, node::ServeError};

/// Why a demo failed.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The temporary folder could not be created or removed.
    #[error("the temporary folder: {0}")]
    Folder(io::Error),
    /// The node's configuration is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The node did not start, or ended badly.
    #[error(transparent)]
    Node(#[from] ServeError),
    /// The node ended while the lesson was on.
    #[error("the node ended while the lesson was on")]
    NodeEnded,
    /// A task of the demo failed.
    #[error("{0}")]
    Task(String),
    /// The node gave no answer, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The node's address is invalid.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The node returned events with the status RETRY until the client's deadline.
    #[error(
        "publishing failed: the node took no more events; of {unknown} it is unknown whether they are stored"
    )]
    NotTaken {
        /// Events that may or may not be stored.
        unknown: usize,
    },
    /// An event was acknowledged, but a query does not show it.
    #[error("event {event_id} of {user_id} was acknowledged, but its profile does not show it")]
    NotShown {
        /// The event's id.
        event_id: String,
        /// The learner.
        user_id: String,
    },
    /// The node's counters differ from the acknowledgements.
    #[error(
        "the node's counters say {counted}, its acknowledgements to the class said {acknowledged}: another client published here, or counts were lost"
    )]
    Differ {
        /// The node's counters.
        counted: String,
        /// The sum of the acknowledgements.
        acknowledged: String,
    },
    /// Standard output can't be written.
    #[error("standard output: {0}")]
    Output(io::Error),
}

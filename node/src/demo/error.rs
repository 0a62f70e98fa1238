//! Why a demo ends otherwise than well.

use std::io;

use homeroom_client::{CallError, EndpointError};

use crate::{config::ConfigError, node::ServeError};

/// Why a demo ends otherwise than well.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// There is no temporary folder, or it could not be removed.
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
    /// A task of the demo did not come to its end.
    #[error("{0}")]
    Task(String),
    /// The node gave no answer, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The node's address is none.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The node sent events back until the client's deadline.
    #[error("publishing failed: the node took no more events")]
    NotTaken,
    /// An event was acknowledged, and no query showed it.
    #[error("event {event_id} of {user_id} was acknowledged, but its profile does not show it")]
    NotShown {
        /// Which event.
        event_id: String,
        /// Whose.
        user_id: String,
    },
    /// Acknowledgements and counters tell different stories.
    #[error(
        "the node's counters say {counted}, its acknowledgements to the class said {acknowledged}: another client published here, or counts were lost"
    )]
    Differ {
        /// What the node's counters say.
        counted: String,
        /// What the acknowledgements said.
        acknowledged: String,
    },
    /// Nothing can be written to standard output.
    #[error("standard output: {0}")]
    Output(io::Error),
}

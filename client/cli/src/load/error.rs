//! Errors that end a load without figures.

use std::io;

use thiserror::Error;

use homeroom_client::{CallError, EndpointError};

/// Why a load ended without figures.
#[derive(Debug, Error)]
pub enum LoadError {
    /// No node could be reached.
    #[error(transparent)]
    Call(#[from] CallError),
    /// An endpoint is invalid.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The operating system refused a timer or a file.
    #[error(transparent)]
    Io(#[from] io::Error),
}

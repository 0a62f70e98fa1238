//! What ends a load before there are figures.

use std::io;

use thiserror::Error;

use homeroom_client::{CallError, EndpointError};

/// What ends a load before there are figures.
#[derive(Debug, Error)]
pub enum LoadError {
    /// No node could be reached.
    #[error(transparent)]
    Call(#[from] CallError),
    /// An address is none.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// This machine refused something: a timer, a file.
    #[error(transparent)]
    Io(#[from] io::Error),
}

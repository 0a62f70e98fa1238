//! Errors of an ingest.

use thiserror::Error;

use homeroom_client::{PublishError, Tally};

use crate::input::InputError;

/// Why an ingest ended early.
#[derive(Debug, Error)]
#[error("{kind}")]
pub struct IngestError {
    /// The outcomes acknowledged until then.
    pub tally: Tally,
    /// The cause.
    #[source]
    pub kind: IngestErrorKind,
}

/// The two causes.
#[derive(Debug, Error)]
pub enum IngestErrorKind {
    /// The input failed. Everything read before was published.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The cluster refused, or made no progress.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

//! Why an input was not published to its end.

use thiserror::Error;

use homeroom_client::{PublishError, Tally};

use crate::input::InputError;

/// Why an input was not published to its end.
#[derive(Debug, Error)]
#[error("{kind}")]
pub struct IngestError {
    /// What was acknowledged until then.
    pub tally: Tally,
    /// The reason.
    #[source]
    pub kind: IngestErrorKind,
}

/// The two ends at which it can fail.
#[derive(Debug, Error)]
pub enum IngestErrorKind {
    /// The input. What was read before it failed was published.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The cluster.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

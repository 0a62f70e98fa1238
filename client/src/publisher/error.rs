//! Why a publisher stopped.

use std::time::Duration;

use thiserror::Error;

use crate::{Failure, PositionError};

/// Why a publisher stopped. What was acknowledged before is durable; of the rest nothing is known.
#[derive(Clone, Debug, Error)]
pub enum PublishError {
    /// Nothing was acknowledged for the time set, whatever was tried.
    #[error("nothing was acknowledged for {waited:?}{}", last.as_ref().map(|last| format!(" ({last})")).unwrap_or_default())]
    NoProgress {
        /// The time set.
        waited: Duration,
        /// What went wrong last.
        last: Option<Failure>,
    },
    /// A node refused, and sending again would not help.
    #[error("refused: {0}")]
    Refused(Failure),
    /// A node broke the contract.
    #[error("{endpoint} broke the contract: {error}")]
    Protocol {
        /// The node.
        endpoint: String,
        /// How.
        error: ProtocolError,
    },
    /// An acknowledgement came from another cluster than those before.
    #[error(transparent)]
    Position(#[from] PositionError),
    /// It had stopped before; the reason is given by `finish`.
    #[error("the publisher has stopped")]
    Stopped,
}

impl PublishError {
    /// Whether publishing the same again, later, may succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::NoProgress { .. })
    }
}

/// What a node may not answer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ProtocolError {
    /// Acknowledgements come in the order of the batches.
    #[error("it acknowledged batch {got}, {} was due", expected.map_or("none".to_owned(), |due| due.to_string()))]
    OutOfOrder {
        /// The batch that was due; none when all were acknowledged.
        expected: Option<u64>,
        /// The batch that was named.
        got: u64,
    },
    /// Every event gets an outcome.
    #[error("it gave {got} outcomes for {expected} events")]
    OutcomeCount {
        /// Events that were sent.
        expected: usize,
        /// Outcomes that came.
        got: usize,
    },
    /// A status this client does not know: events would be lost count of.
    #[error("it gave an outcome of the unknown status {0}; this client may be too old")]
    UnknownStatus(i32),
}

//! Errors of publishers.

use std::time::Duration;

use thiserror::Error;

use crate::{Failure, PositionError};

/// Why a publisher stopped. Its last acknowledgements tell of each event whether it is stored, is
/// not, or whether that is unknown.
#[derive(Clone, Debug, Error)]
pub enum PublishError {
    /// Nothing was acknowledged within the given time, in spite of retries.
    #[error("nothing was acknowledged for {waited:?}{}", last.as_ref().map(|last| format!(" ({last})")).unwrap_or_default())]
    NoProgress {
        /// The given time.
        waited: Duration,
        /// The last failure.
        last: Option<Failure>,
    },
    /// A node refused, and a retry would not help.
    #[error("refused: {0}")]
    Refused(Failure),
    /// A node broke the contract.
    #[error("{endpoint} broke the contract: {error}")]
    Protocol {
        /// The node.
        endpoint: String,
        /// The violation.
        error: ProtocolError,
    },
    /// An acknowledgement came from another cluster than those before.
    #[error(transparent)]
    Position(#[from] PositionError),
    /// The publisher had stopped before; `finish` returns the reason.
    #[error("the publisher has stopped")]
    Stopped,
}

impl PublishError {
    /// Whether publishing the same again later may succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::NoProgress { .. })
    }
}

/// Violations of the contract in a node's answers.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ProtocolError {
    /// Acknowledgements must come in the order of the batches.
    #[error("it acknowledged batch {got}, {} was due", expected.map_or("none".to_owned(), |due| due.to_string()))]
    OutOfOrder {
        /// The batch that was due; none when all were acknowledged.
        expected: Option<u64>,
        /// The acknowledged batch.
        got: u64,
    },
    /// Every event must get an outcome.
    #[error("it gave {got} outcomes for {expected} events")]
    OutcomeCount {
        /// Events sent.
        expected: usize,
        /// Outcomes received.
        got: usize,
    },
    /// A status this client does not know. Ignoring it would lose events from the counts.
    #[error("it gave an outcome of the unknown status {0}; this client may be too old")]
    UnknownStatus(i32),
}

//! What the HTTP side needs of the rest of the node.

use std::time::Duration;

use bytes::Bytes;
use homeroom_core::Reason;
use homeroom_proto::v1;

/// Takes deliveries in. Returns only once they are durable and applied, or refused.
pub trait Intake: Send + Sync + 'static {
    /// Takes native JSON events, each by itself; a payload that is no event at all becomes a dead letter.
    fn publish_events(
        &self,
        events: Vec<Bytes>,
    ) -> impl Future<Output = Result<Receipt, IntakeError>> + Send;

    /// Takes xAPI statements, all or, when any of them is unsound, only those as dead letters. `source` is the credential that sent
    /// them, else `xapi`.
    fn publish_statements(
        &self,
        statements: Vec<Posted>,
        source: &str,
    ) -> impl Future<Output = Result<StatementsReceipt, IntakeError>> + Send;
}

/// A statement of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The statement.
    pub bytes: Bytes,
    /// Whether its id is not its sender's, but derived from it: equal ones are one statement then, sent twice.
    pub is_id_derived: bool,
}

/// What became of deliveries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Receipt {
    /// One for each, in the same order.
    pub outcomes: Vec<v1::EventOutcome>,
    /// The id of each, given or derived; empty for a refused one.
    pub event_ids: Vec<String>,
    /// At this position all of it is applied.
    pub position: v1::PositionToken,
}

/// What became of statements.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatementsReceipt {
    /// The unsound ones. When there are any, `taken` is of them alone, and nothing of the others is stored.
    pub refused: Vec<Unsound>,
    /// What was taken.
    pub taken: Receipt,
}

/// A statement that has to be put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsound {
    /// Its place in the request, from 0.
    pub index: usize,
    /// Why.
    pub reason: Reason,
    /// Which field, what was wrong.
    pub detail: String,
}

/// Why nothing is known of any of the deliveries; some may have been taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// The node's queues are full.
    #[error("the node has no room for more events now")]
    Overloaded {
        /// When it may have.
        retry_after: Duration,
    },
    /// The shards can't be reached now.
    #[error("{reason}")]
    Unavailable {
        /// In plain words.
        reason: String,
        /// When they may be.
        retry_after: Duration,
    },
}

impl Receipt {
    /// Whether some were not taken, and are to be sent again.
    pub(super) fn is_partial(&self) -> bool {
        let mut outcomes = self.outcomes.iter();
        outcomes.any(|outcome| {
            matches!(
                outcome.status(),
                v1::EventStatus::Retry | v1::EventStatus::Unspecified
            )
        })
    }
}

//! What the HTTP side needs of the rest of the node.

use std::time::Duration;

use bytes::Bytes;
use homeroom_core::Reason;

/// Takes deliveries in. Returns only once they are durable and applied, or refused.
pub trait Intake: Send + Sync + 'static {
    /// Takes xAPI statements in, as they came, each by itself; a payload that is no statement at all becomes a dead letter.
    ///
    /// One outcome for each, in the same order. `source` is the credential that sent them, else `xapi`.
    fn publish_statements(
        &self,
        statements: Vec<Bytes>,
        source: &str,
    ) -> impl Future<Output = Result<Vec<IntakeOutcome>, IntakeError>> + Send;
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeOutcome {
    /// What became of it.
    pub status: IntakeStatus,
    /// Of a dead letter, and of a duplicate of one.
    pub reason: Option<Reason>,
    /// Of a refusal, in words: which field, what was wrong.
    pub detail: String,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntakeStatus {
    /// It counts.
    Accepted,
    /// It was here before.
    Duplicate,
    /// Another source is authoritative.
    Shadowed,
    /// Refused and kept.
    DeadLettered,
    /// Not taken, nothing is stored.
    Retry,
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

impl IntakeOutcome {
    /// An outcome without a reason.
    pub fn plain(status: IntakeStatus) -> Self {
        Self {
            status,
            reason: None,
            detail: String::new(),
        }
    }

    /// A dead letter.
    pub fn refused(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            status: IntakeStatus::DeadLettered,
            reason: Some(reason),
            detail: detail.into(),
        }
    }
}

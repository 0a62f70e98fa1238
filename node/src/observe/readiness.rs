//! Whether the node can serve.

/// Whether the node can serve. Shared by a `tokio::sync::watch`, so that all listeners give the
/// same answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It takes events and answers queries.
    Ready,
    /// It serves, but some replicas on it have ended by themselves.
    Impaired {
        /// Which and why, for an operator; one a line.
        failures: String,
    },
    /// It does not serve for now: it starts, catches up, or drains.
    NotReady {
        /// The reason, for an operator.
        reason: String,
    },
    /// It can't serve any more, and must be restarted.
    Failed {
        /// The reason, for an operator.
        reason: String,
    },
}

impl Readiness {
    /// Not ready for now.
    pub fn not_ready(reason: impl Into<String>) -> Self {
        Self::NotReady {
            reason: reason.into(),
        }
    }

    /// Not ready until the node is restarted.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::Failed {
            reason: reason.into(),
        }
    }

    /// Ready, with the replicas that have failed, one a line; none in an empty text.
    pub fn ready_without(failures: String) -> Self {
        if failures.is_empty() {
            Self::Ready
        } else {
            Self::Impaired { failures }
        }
    }

    /// Why the node is not ready; `None` if it is.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Ready | Self::Impaired { .. } => None,
            Self::NotReady { reason } | Self::Failed { reason } => Some(reason),
        }
    }
}

//! Whether the node can do its work.

/// Whether the node can do its work; passed around in a `tokio::sync::watch`, by which all listeners answer alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It takes events and answers queries.
    Ready,
    /// It does not, for now: it starts, catches up, or drains.
    NotReady {
        /// In plain words, for an operator.
        reason: String,
    },
    /// It never will again, and must be restarted.
    Failed {
        /// In plain words, for an operator.
        reason: String,
    },
}

impl Readiness {
    /// For now not ready.
    pub fn not_ready(reason: impl Into<String>) -> Self {
        Self::NotReady {
            reason: reason.into(),
        }
    }

    /// Never ready again.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::Failed {
            reason: reason.into(),
        }
    }

    /// Why it is not ready; `None` when it is.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Ready => None,
            Self::NotReady { reason } | Self::Failed { reason } => Some(reason),
        }
    }
}

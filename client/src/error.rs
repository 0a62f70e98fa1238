//! Errors of calls.

use std::time::Duration;

use thiserror::Error;

use crate::{Failure, PositionError};

/// Why a call failed.
#[derive(Clone, Debug, Error)]
pub enum CallError {
    /// A node refused, and a retry would not help.
    #[error("{operation} was refused: {failure}")]
    Refused {
        /// The method of the contract.
        operation: &'static str,
        /// The node's answer.
        failure: Failure,
        /// Whether no attempt changed anything.
        no_side_effects: bool,
    },
    /// The deadline passed.
    #[error("{operation} found no answer within {waited:?}{}", last.as_ref().map(|last| format!(": {last}")).unwrap_or_default())]
    TimedOut {
        /// The method of the contract.
        operation: &'static str,
        /// The length of the deadline.
        waited: Duration,
        /// The last failure; none when no node answered at all.
        last: Option<Failure>,
        /// Whether no attempt changed anything.
        no_side_effects: bool,
    },
    /// A stream of answers ended early, and can't be resumed.
    #[error("{operation} broke off in the middle: {failure}")]
    BrokeOff {
        /// The method of the contract.
        operation: &'static str,
        /// The failure that ended it.
        failure: Failure,
    },
    /// An answer came from another cluster than those before.
    #[error(transparent)]
    Position(#[from] PositionError),
}

impl CallError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::TimedOut { .. } => true,
            Self::BrokeOff { failure, .. } => failure.is_retryable(),
            Self::Refused { .. } | Self::Position(_) => false,
        }
    }

    /// Whether the call certainly changed nothing. If false, the outcome is unknown.
    pub fn has_no_side_effects(&self) -> bool {
        match self {
            Self::Refused {
                no_side_effects, ..
            }
            | Self::TimedOut {
                no_side_effects, ..
            } => *no_side_effects,
            // Only reads stream their answers.
            Self::BrokeOff { .. } => true,
            Self::Position(_) => false,
        }
    }

    /// The last attempt, if there was one.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Refused { failure, .. } | Self::BrokeOff { failure, .. } => Some(failure),
            Self::TimedOut { last, .. } => last.as_ref(),
            Self::Position(_) => None,
        }
    }
}

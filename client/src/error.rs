//! Why a call gave no answer.

use std::time::Duration;

use thiserror::Error;

use crate::{Failure, PositionError};

/// Why a call gave no answer.
#[derive(Clone, Debug, Error)]
pub enum CallError {
    /// A node answered, and asking again would not help.
    #[error("{operation} was refused: {failure}")]
    Refused {
        /// The method of the contract.
        operation: &'static str,
        /// The answer.
        failure: Failure,
        /// Whether this attempt and all before it certainly changed nothing.
        no_side_effects: bool,
    },
    /// The deadline passed.
    #[error("{operation} found no answer within {waited:?}{}", last.as_ref().map(|last| format!(": {last}")).unwrap_or_default())]
    TimedOut {
        /// The method of the contract.
        operation: &'static str,
        /// How long was waited.
        waited: Duration,
        /// What went wrong last; none when no node answered at all.
        last: Option<Failure>,
        /// Whether all attempts certainly changed nothing.
        no_side_effects: bool,
    },
    /// A stream of answers ended before its time, and can't be taken up where it stopped.
    #[error("{operation} broke off in the middle: {failure}")]
    BrokeOff {
        /// The method of the contract.
        operation: &'static str,
        /// What it ended with.
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

    /// Whether the call certainly changed nothing; if not, its outcome is unknown.
    pub fn has_no_side_effects(&self) -> bool {
        match self {
            Self::Refused {
                no_side_effects, ..
            }
            | Self::TimedOut {
                no_side_effects, ..
            } => *no_side_effects,
            // Only reads are streams of answers.
            Self::BrokeOff { .. } => true,
            Self::Position(_) => false,
        }
    }

    /// The attempt that decided, if there was one.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Refused { failure, .. } | Self::BrokeOff { failure, .. } => Some(failure),
            Self::TimedOut { last, .. } => last.as_ref(),
            Self::Position(_) => None,
        }
    }
}

//! The outcome of a delivery, as the source receives it.

use serde::{Deserialize, Serialize};

use crate::Reason;

/// The outcome of one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Durable, and counted exactly once.
    Accepted,
    /// Received before.
    Duplicate {
        /// The earlier delivery had other content.
        conflicting: bool,
        /// Set if the earlier delivery is a dead letter: the reason that this one would have.
        reason: Option<Reason>,
    },
    /// Another source is authoritative.
    Shadowed,
    /// Refused, and stored as a dead letter.
    DeadLettered(Reason),
}

//! What a source is told of its delivery.

use serde::{Deserialize, Serialize};

use crate::Reason;

/// What became of one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Durable, and counted once.
    Accepted,
    /// Was here before.
    Duplicate {
        /// With other content then.
        conflicting: bool,
        /// Set when what was here before is a dead letter: why this delivery would be one.
        reason: Option<Reason>,
    },
    /// Another source is authoritative.
    Shadowed,
    /// Refused, and kept.
    DeadLettered(Reason),
}

//! What replicas tell each other of their clocks.

use serde::{Deserialize, Serialize};

/// A replica's clocks at one moment. It goes with each append, heartbeat and answer.
///
/// It is not trusted: any number may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockReading {
    /// The wall clock, ms since the epoch.
    pub wall_ms: i64,
    /// The log clock, ms since the epoch; `None` without an anchor.
    pub log_ms: Option<i64>,
}

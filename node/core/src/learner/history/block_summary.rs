//! What has to be known of an hour, or of a part of it, that is not in memory.

use crate::{
    learner::compact::key::IdHash,
    time::{HOUR_MS, PANE_MS},
};

/// Number of an hour, counted from the epoch.
pub type HourNumber = i64;

/// Its identities, and the ends of its panes.
#[derive(Clone, Debug)]
pub struct BlockSummary {
    /// The identities, in no order that means anything.
    pub ids: Vec<IdHash>,
    /// Log time of the newest event that changed one of its panes, ms; the least number without one.
    pub changed_ms: i64,
    /// Positions of its first and its last pane.
    pub ends: Option<(u16, u16)>,
}

impl BlockSummary {
    /// Where its first and its last pane start, of the hour of this number, ms.
    pub fn ends_ms(&self, hour: HourNumber) -> Option<(i64, i64)> {
        let (first, last) = self.ends?;
        Some((start_ms(hour, first), start_ms(hour, last)))
    }
}

/// Where the pane at a position of an hour starts, ms.
pub fn start_ms(hour: HourNumber, position: u16) -> i64 {
    hour.saturating_mul(HOUR_MS) + i64::from(position) * PANE_MS
}

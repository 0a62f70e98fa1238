//! The part of a block that is needed while the block is not in memory.

use crate::{
    learner::compact::IdHash,
    time::{HOUR_MS, PANE_MS},
};

/// Number of an hour, counted from the epoch.
pub type HourNumber = i64;

/// The identities of a block, and its first and last pane.
#[derive(Clone, Debug)]
pub struct BlockSummary {
    /// The identities, in no particular order.
    pub ids: Vec<IdHash>,
    /// Log time of the newest event that changed one of the panes, ms; `i64::MIN` without panes.
    pub changed_ms: i64,
    /// What its events count, bytes.
    pub bytes: u32,
    /// Positions of the first and the last pane.
    pub ends: Option<(u16, u16)>,
}

impl BlockSummary {
    /// Start of the first and of the last pane, if they belong to the hour of this number, ms.
    pub fn ends_ms(&self, hour: HourNumber) -> Option<(i64, i64)> {
        let (first, last) = self.ends?;
        Some((start_ms(hour, first), start_ms(hour, last)))
    }
}

/// Start of the pane at a position of an hour, ms.
pub fn start_ms(hour: HourNumber, position: u16) -> i64 {
    hour.saturating_mul(HOUR_MS) + i64::from(position) * PANE_MS
}

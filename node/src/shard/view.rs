//! What a shard shows of itself after each entry.

use std::sync::Arc;

use homeroom_core::{
    Settings,
    shard::{Freshness, ReadPoint},
};

/// A shard as of its newest applied entry.
#[derive(Clone, Debug)]
pub struct View {
    /// Index of that entry; 0 before the first.
    pub applied_index: u64,
    /// The point that reads see.
    pub at: ReadPoint,
    /// The watermark and the sources.
    pub freshness: Freshness,
    /// How far the watermark is behind what the sources' delays explain, ms of event time.
    pub watermark_lag_ms: i64,
    /// The settings in force.
    pub settings: Arc<Settings>,
    /// Log time, ms.
    pub log_time_ms: i64,
    /// Log time at which the newest accepted event came, where it is known.
    pub clock_raised_ms: Option<i64>,
    /// Log time at which a tick is due; `None` when nothing is.
    pub next_due_ms: Option<i64>,
}

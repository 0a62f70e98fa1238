//! The values that are fixed while an entry is applied, and those that a read uses.

use std::sync::Arc;

use crate::Settings;

/// The minimum number of events in a block before the next block begins.
///
/// It bounds what is written for a learner in a lesson to about twice this number of events. A
/// lesson's day of one event every 5 s makes some 270 records.
pub const BLOCK_EVENTS: usize = 64;

/// The values that are fixed for all events of one entry: the shard's state before the entry.
#[derive(Clone, Debug)]
pub struct EntryContext {
    /// The index of the entry in the shard's log.
    pub index: u64,
    /// The entry's log time, ms.
    pub log_time_ms: i64,
    /// The watermark before the entry, ms; `i64::MIN` before the first event.
    pub watermark_ms: i64,
    /// The start of the retention, ms. Earlier events are refused.
    pub floor_ms: i64,
    /// The minimum number of events in a block, see [`BLOCK_EVENTS`].
    pub block_events: usize,
    /// The settings in force.
    pub settings: Arc<Settings>,
}

/// The point in time at which learners are read: the shard's state after its newest applied entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadPoint {
    /// The watermark, ms; `i64::MIN` before the first event.
    pub watermark_ms: i64,
    /// Newest accepted event time on the shard, ms; `i64::MIN` before the first event.
    pub event_clock_ms: i64,
    /// Windows that begin before this can't be read any more, ms.
    pub floor_ms: i64,
    /// The setting [`Settings::allowed_lateness_ms`].
    pub allowed_lateness_ms: i64,
}

//! What holds while an entry is applied, and what holds for a read.

use std::sync::Arc;

use crate::Settings;

/// How many events of a learner are stored together, at least: what is saved of a learner in a lesson is at most about twice that, and
/// a lesson's day of one event every 5 s is some 270 records.
pub const BLOCK_EVENTS: usize = 64;

/// What holds for all events of one entry: the shard as it was before the entry.
#[derive(Clone, Debug)]
pub struct EntryContext {
    /// Position of the entry in the shard's log.
    pub index: u64,
    /// The entry's log time, ms.
    pub log_time_ms: i64,
    /// The watermark before the entry; the least number before the first.
    pub watermark_ms: i64,
    /// Events before this are beyond the retention, ms.
    pub floor_ms: i64,
    /// So many events of a learner are stored together, at least.
    pub block_events: usize,
    /// The settings in force.
    pub settings: Arc<Settings>,
}

/// A point at which learners are read: the shard after its newest applied entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadPoint {
    /// The watermark; the least number before the first.
    pub watermark_ms: i64,
    /// Newest accepted event time on the shard; the least number before the first.
    pub event_clock_ms: i64,
    /// Windows that begin before this are no longer readable, ms.
    pub floor_ms: i64,
    /// The setting in force, ms.
    pub allowed_lateness_ms: i64,
}

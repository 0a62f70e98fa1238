//! What of viewings need not be in memory.

use crate::time::MINUTE_MS;

/// How far back restarts of a video are counted, ms.
pub const REWATCHING_SPAN_MS: i64 = 10 * MINUTE_MS;

/// Of a learner some of whose blocks are away.
#[derive(Clone, Debug)]
pub struct PlaybackEviction<IsEvicted> {
    /// Whether the block that covers a time is away.
    pub is_evicted: IsEvicted,
    /// The oldest block begins here, ms. A start before it is stored with what is counted from it, too.
    pub first_ms: i64,
    /// Where those blocks in memory begin that come right after one that is away, ms.
    pub after_evicted_ms: Vec<i64>,
    /// The learner's newest event, ms.
    pub last_event_ms: i64,
}

impl<IsEvicted: Fn(i64) -> bool> PlaybackEviction<IsEvicted> {
    /// Starts from here on may count as rewatching, ms.
    pub fn rewatched_from_ms(&self) -> i64 {
        self.last_event_ms.saturating_sub(REWATCHING_SPAN_MS)
    }
}

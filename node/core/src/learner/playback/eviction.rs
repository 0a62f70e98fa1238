//! Which playback facts may leave memory while blocks are evicted.

use crate::time::MINUTE_MS;

/// How far back restarts of a video count as rewatching, ms.
pub const REWATCHING_SPAN_MS: i64 = 10 * MINUTE_MS;

/// The blocks of a learner, as far as the eviction of playback facts depends on them.
#[derive(Clone, Debug)]
pub struct PlaybackEviction<IsEvicted> {
    /// Whether the block that covers a time is evicted.
    pub is_evicted: IsEvicted,
    /// Start of the oldest block, ms. A video start before it is also stored with the stop that is
    /// counted from it.
    pub first_ms: i64,
    /// Starts of the resident blocks that follow directly after an evicted one, ascending, ms.
    pub after_evicted_ms: Vec<i64>,
    /// The learner's newest event, ms.
    pub last_event_ms: i64,
}

impl<IsEvicted: Fn(i64) -> bool> PlaybackEviction<IsEvicted> {
    /// Video starts from this time on may count as rewatching, ms.
    pub fn rewatched_from_ms(&self) -> i64 {
        self.last_event_ms.saturating_sub(REWATCHING_SPAN_MS)
    }
}

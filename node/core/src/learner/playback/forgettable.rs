//! What of viewings need not be in memory.

use super::viewing::Viewing;
use crate::learner::views::help::REWATCHING_SPAN_MS;

/// Of a learner some of whose blocks are away.
#[derive(Clone, Debug)]
pub struct Forgettable<IsEvicted> {
    /// Whether the block that covers a time is away.
    pub is_evicted: IsEvicted,
    /// The oldest block begins here, ms. A start before it is stored with what is counted from it, too.
    pub first_ms: i64,
    /// Where those blocks in memory begin that come right after one that is away, ms.
    pub after_evicted_ms: Vec<i64>,
    /// The learner's newest event, ms.
    pub last_event_ms: i64,
}

impl<IsEvicted: Fn(i64) -> bool> Forgettable<IsEvicted> {
    /// Starts from here on may count as rewatching, ms.
    pub fn rewatched_from_ms(&self) -> i64 {
        self.last_event_ms.saturating_sub(REWATCHING_SPAN_MS)
    }

    /// Whether a viewing can go whole: all its events are stored with blocks that are away, and until it goes on none can be shown any
    /// more, since no start is within its cap or counts as rewatching.
    pub fn is_over(&self, viewing: &Viewing) -> bool {
        let cap_ms = i64::try_from(viewing.cap_ms()).unwrap_or(i64::MAX);
        let shown_ms = cap_ms.max(REWATCHING_SPAN_MS);
        let is_stored = |time_ms| time_ms < self.first_ms || (self.is_evicted)(time_ms);
        viewing.last_ms().is_some_and(|last_ms| {
            last_ms.saturating_add(shown_ms) < self.last_event_ms
                && viewing.times_ms().all(is_stored)
        })
    }
}

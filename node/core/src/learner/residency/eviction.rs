//! Eviction of stored blocks.

use crate::{
    WindowShape,
    learner::{attempts::Shown, compact::IdHash, playback::PlaybackEviction, state::Learner},
    time::{MINUTE_MS, floor_to, pane_start},
};

impl Learner {
    /// Evicts the blocks that are stored unchanged and that no view shows by default. Returns
    /// whether there were any.
    ///
    /// All changes returned by [`Self::take_changes`] must be durable.
    pub fn evict_blocks(&mut self) -> bool {
        let leaving = self.blocks.evictable_spans(self.shown_from_ms());
        if leaving.is_empty() {
            return false;
        }
        let viewings = self.playbacks.within(&leaving);
        // From the newest to the oldest, so that fewer elements are moved.
        for (span, viewings) in leaving.iter().zip(viewings).rev() {
            let attempts = self.attempts.between(span.start, span.end);
            let ids = attempts.filter_map(|attempt| attempt.attempt_id);
            let attempts = ids.map(IdHash::of_text);
            let viewings = viewings.into_iter().map(|part| part.viewing.hash());
            self.blocks.evict(span.start, attempts.chain(viewings));
        }
        self.blocks.shrink();
        self.forget_past();
        true
    }

    /// Start of what profiles show, ms: the newest minute, and the half minute up to the event
    /// clock, which is never before the newest event.
    pub(in crate::learner) fn shown_from_ms(&self) -> i64 {
        let minute_ms = floor_to(self.last_event_ms, MINUTE_MS);
        let half_minute_ms =
            pane_start(self.last_event_ms).saturating_sub(WindowShape::SLIDING.size_ms);
        minute_ms.min(half_minute_ms)
    }

    /// Removes attempts and playback facts that are stored with evicted blocks and that no view
    /// shows by default.
    pub(in crate::learner) fn forget_past(&mut self) {
        let blocks = &self.blocks;
        let is_evicted = |time_ms: i64| blocks.is_evicted(time_ms);
        self.attempts.forget(is_evicted, Shown::InCourses);
        self.playbacks.forget(&PlaybackEviction {
            is_evicted,
            first_ms: blocks.covered_ms().start,
            after_evicted_ms: blocks.begin_after_evicted(),
            last_event_ms: self.last_event_ms,
        });
    }
}

//! Restores a learner without the blocks that would be evicted at once.
//!
//! At a start and at a wake-up most bytes belong to such blocks. Decoding them fully and evicting
//! them costs several times as much.

use std::ops::Range;

use super::records::{StatePart, is_passivated, is_sized, versioned};
use crate::{
    learner::{
        attempts::ShownPast, history::BlockContent, playback::PlaybackEviction, state::Learner,
    },
    time::{HOUR_MS, hour_of},
    wire::DecodeError,
};

/// What is read of evicted blocks, from the newest block to the oldest.
struct Past<IsEvicted> {
    eviction: PlaybackEviction<IsEvicted>,
    shown: ShownPast,
}

impl Learner {
    /// Equals [`Self::restore`] followed by [`Self::evict_blocks`].
    ///
    /// # Errors
    /// When a record is damaged or of an unknown version.
    pub fn restore_partial<'b>(
        user_id: &str,
        head: &[u8],
        parts: impl Iterator<Item = (StatePart, &'b [u8])> + Clone,
    ) -> Result<Self, DecodeError> {
        let (version, _) = versioned(head)?;
        // The head of a passivated learner contains all that stays in memory.
        if is_passivated(version) {
            let mut learner = Self::restore(user_id, head, parts)?;
            learner.evict_blocks();
            learner.attempts.compact();
            return Ok(learner);
        }
        let mut learner = Self::restore_head(user_id, head)?;
        let within_head = learner.within_head();
        let apart = parts.filter_map(|(part, bytes)| match part {
            StatePart::Block(from_ms) if Some(from_ms) != within_head => Some((from_ms, bytes)),
            _ => None,
        });
        let mut apart: Vec<(i64, &[u8])> = apart.collect();
        apart.sort_unstable_by_key(|(from_ms, _)| *from_ms);
        // The block in the head is the newest.
        let begin_ms = apart.iter().map(|(from_ms, _)| *from_ms);
        let begin_ms: Vec<i64> = begin_ms.chain(within_head).collect();
        let spans_ms = leaving(&begin_ms, learner.shown_from_ms());
        let (past, present) = apart.split_at(spans_ms.len());
        for (from_ms, bytes) in present {
            learner.restore_block(*from_ms, bytes)?;
        }
        if let Some(&ends_ms) = begin_ms.get(past.len())
            && !past.is_empty()
        {
            let mut reading = Past {
                shown: ShownPast::before(&learner.attempts, ends_ms),
                eviction: PlaybackEviction {
                    is_evicted: |time_ms| covers(&spans_ms, time_ms),
                    first_ms: begin_ms[0],
                    after_evicted_ms: vec![ends_ms],
                    last_event_ms: learner.last_event_ms,
                },
            };
            for (from_ms, bytes) in past.iter().rev() {
                learner.add_evicted(&mut reading, *from_ms, bytes)?;
            }
            learner.forget_past();
            learner.attempts.compact();
        }
        learner.blocks.settle();
        Ok(learner)
    }

    fn add_evicted(
        &mut self,
        past: &mut Past<impl Fn(i64) -> bool>,
        from_ms: i64,
        bytes: &[u8],
    ) -> Result<(), DecodeError> {
        let (version, mut body) = versioned(bytes)?;
        let mut read = || {
            let summary = BlockContent::read_summary(&mut body, is_sized(version))?;
            let Past { eviction, shown } = &mut *past;
            let attempts = self.attempts.read_past(&mut body, from_ms, shown)?;
            let times_ms = (from_ms, self.pruned_hour_ms());
            let viewings = (self.playbacks).read_past(&mut body, times_ms, eviction)?;
            let keys = attempts.into_iter().chain(viewings);
            self.blocks.add_evicted(from_ms, &summary, keys);
            Some(())
        };
        read().ok_or(DecodeError::Damaged)
    }
}

/// The spans of those blocks that end at or before a time, ms. `begin_ms` lists the starts of all
/// blocks, ascending; the newest block is never included.
fn leaving(begin_ms: &[i64], over_by_ms: i64) -> Vec<Range<i64>> {
    let spans_ms = begin_ms.windows(2).map(|pair| {
        let hour_end_ms = (hour_of(pair[0]) + 1).saturating_mul(HOUR_MS);
        pair[0]..pair[1].min(hour_end_ms)
    });
    spans_ms
        .take_while(|span_ms| span_ms.end <= over_by_ms)
        .collect()
}

fn covers(spans_ms: &[Range<i64>], time_ms: i64) -> bool {
    let after = spans_ms.partition_point(|span_ms| span_ms.start <= time_ms);
    let nearest = after.checked_sub(1).map(|at| &spans_ms[at]);
    nearest.is_some_and(|span_ms| span_ms.contains(&time_ms))
}

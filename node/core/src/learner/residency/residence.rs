//! What of a learner is in memory: all that is shown now and all that changes as a rule. Earlier blocks of its events may leave once
//! they are stored, and are read again when an event or a query needs them.
//!
//! Invariants, of what is in memory while some blocks are away:
//! - all attempts that rolling accuracy and the standings show, whatever blocks they are stored with;
//! - of each viewing that is not over, or has an event in a block in memory: the newest event, the last start or stop before each block
//!   that comes after one that is away, and what rewatching counts. One that is over is with its blocks alone, and comes back with each
//!   of them; so an event of a viewing has the newest block read that may tell of it and begins after all that is in memory of it;
//! - sessions, courses, last interactions and corrections, whole: they are stored in the head.

use std::ops::Range;

use crate::{
    WindowShape,
    learner::{
        attempts::list::Shown,
        compact::key::{Arrival, IdHash},
        history::evicted::EvictedBlock,
        playback::{forgettable::Forgettable, playbacks::tells_of_watching},
        state::Learner,
        views::window::WindowQuery,
    },
    shard::EntryContext,
    time::{MINUTE_MS, floor_to, pane_start},
};

/// All of event time, ms.
pub const ALWAYS: Range<i64> = i64::MIN..i64::MAX;

/// Blocks that are needed and not in memory: where they begin, ms; at least one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("blocks {0:?} are not in memory")]
pub struct Missing(pub Vec<i64>);

impl Learner {
    /// Lets blocks leave the memory that are stored as they are and needed for nothing that is shown. All that was taken by
    /// [`Self::take_changes`] must be durable. Whether there were any.
    pub fn evict_blocks(&mut self) -> bool {
        let leaving = self.blocks.evictable_spans(self.shown_from_ms());
        if leaving.is_empty() {
            return false;
        }
        // From the newest on: fewer have to be moved up.
        for span in leaving.into_iter().rev() {
            let attempts = self.attempts.between(span.start, span.end);
            let ids = attempts.filter_map(|attempt| attempt.attempt_id);
            let attempts = ids.map(IdHash::of_text);
            let viewings = self.playbacks.keys_within(&span);
            self.blocks.evict(span.start, attempts.chain(viewings));
        }
        self.blocks.shrink();
        self.forget_past();
        true
    }

    /// The newest minute is shown, and the half minute up to a clock that is never before the newest event.
    pub(in crate::learner) fn shown_from_ms(&self) -> i64 {
        let minute_ms = floor_to(self.last_event_ms, MINUTE_MS);
        let half_minute_ms =
            pane_start(self.last_event_ms).saturating_sub(WindowShape::SLIDING.size_ms);
        minute_ms.min(half_minute_ms)
    }

    /// What is stored with blocks that are away, and needed for nothing that is shown.
    pub(in crate::learner) fn forget_past(&mut self) {
        let blocks = &self.blocks;
        let is_evicted = |time_ms: i64| blocks.is_evicted(time_ms);
        self.attempts.forget(is_evicted, Shown::InCourses);
        self.playbacks.forget(&Forgettable {
            is_evicted,
            first_ms: blocks.covered_ms().start,
            after_evicted_ms: blocks.begin_after_evicted(),
            last_event_ms: self.last_event_ms,
        });
    }

    /// The blocks that are not in memory and may hold something of a span of event time, ms.
    pub fn missing_within(&self, span_ms: &Range<i64>) -> Vec<i64> {
        let blocks = self.blocks.evicted_between(span_ms.start, span_ms.end);
        blocks.collect()
    }

    /// The blocks that are not in memory and have to be read before the windows of a query are: of windows that changed since a log
    /// time, those that changed then and their neighbours.
    pub fn missing_for(&self, query: &WindowQuery) -> Vec<i64> {
        let mut missing = self.missing_within(&query.span_ms());
        if let Some(since_ms) = query.changed_since_ms
            && !missing.is_empty()
        {
            let size_ms = query.shape.size_ms;
            let changed = self.blocks.changed_since(since_ms);
            let reach =
                |it: Range<i64>| it.start.saturating_sub(size_ms)..it.end.saturating_add(size_ms);
            let spans_ms: Vec<_> = changed.map(reach).collect();
            let changed = self.blocks.evicted_within(&spans_ms);
            missing.retain(|from_ms| changed.binary_search(from_ms).is_ok());
        }
        missing
    }

    /// Whether all is in memory that an event needs. Rather too much is asked for than too little; in one go what can be told so far.
    pub(in crate::learner) fn has_at_hand(
        &self,
        context: &EntryContext,
        arrival: &Arrival<'_>,
    ) -> Result<(), Missing> {
        if self.blocks.is_whole() {
            return Ok(());
        }
        let event = arrival.event;
        let changes = self.blocks.evicted_covering(event.timestamp_ms);
        let mut missing: Vec<i64> = changes.into_iter().collect();
        missing.extend(self.with_id(&event.event_id, context));
        if tells_of_watching(event) {
            missing.extend(self.for_viewing(context, arrival));
        }
        if event.score_millionths.is_some()
            && let Some(attempt_id) = event.attempt_id.as_deref()
        {
            missing.extend(self.for_attempt(attempt_id, context, arrival));
        }
        if missing.is_empty() {
            return Ok(());
        }
        missing.sort_unstable();
        missing.dedup();
        Err(Missing(missing))
    }

    /// What an event needs of its viewing: what is newest of it, and more where the event reaches into its past.
    fn for_viewing(&self, context: &EntryContext, arrival: &Arrival<'_>) -> Vec<i64> {
        let newest_ms = self.playbacks.newest_ms(arrival);
        if newest_ms < self.blocks.last_evicted_ms() {
            let mut evicted = (self.blocks).evicted_with(viewing_of(arrival), context.floor_ms);
            if let Some(newest) = evicted.next_back().filter(|it| it.from_ms > newest_ms) {
                return vec![newest.from_ms];
            }
        }
        let whole_from_ms = self.blocks.whole_from_ms();
        match self.playbacks.reaches_before(arrival, whole_from_ms) {
            true => self.for_past_of_viewing(context, arrival),
            false => Vec::new(),
        }
    }

    /// What an event needs that reaches into a viewing's past. Of a length that was not known before, all of the viewing, since any credit
    /// may be cut otherwise. Else the block with the next start or stop: it is stored with the one before it, which will be the event, and
    /// brings that before the event, unless that is in memory. Blocks are looked through one by one until it is found.
    fn for_past_of_viewing(&self, context: &EntryContext, arrival: &Arrival<'_>) -> Vec<i64> {
        let time_ms = arrival.place.timestamp_ms;
        let mut evicted = (self.blocks).evicted_with(viewing_of(arrival), context.floor_ms);
        let mut missing: Vec<i64> = if self.playbacks.lengthens(arrival) {
            evicted.map(|block| block.from_ms).collect()
        } else {
            let next_ms = self.playbacks.next_ms(arrival);
            let may_hold_next =
                |block: &&EvictedBlock| block.from_ms > time_ms && block.first_pane_ms <= next_ms;
            let next = evicted.find(may_hold_next);
            next.map(|block| block.from_ms).into_iter().collect()
        };
        if missing.is_empty() {
            let times_ms = self.playbacks.affected_by(arrival).into_iter();
            missing.extend(times_ms.filter_map(|time_ms| self.blocks.evicted_covering(time_ms)));
        }
        missing
    }

    /// The blocks in which something may be found by its id.
    fn with_id(&self, id: &str, context: &EntryContext) -> impl Iterator<Item = i64> {
        let evicted = self.blocks.evicted_with(IdHash::of(id), context.floor_ms);
        evicted.map(|block| block.from_ms)
    }

    /// What an event of an attempt needs: the attempt, wherever it is stored, and all the others where others will be shown in its stead.
    fn for_attempt(&self, id: &str, context: &EntryContext, arrival: &Arrival<'_>) -> Vec<i64> {
        let Some(known) = self.attempts.known(id) else {
            return self.with_id(id, context).collect();
        };
        let event = arrival.event;
        let course = event.course_id.as_deref();
        let moves = known.place.compare(&arrival.place).is_lt()
            && (known.course.index() != course.and_then(|id| self.courses.index_of(id))
                || known.skill_id.map(|id| id.to_box()).as_deref() != event.skill_id.as_deref());
        if moves {
            return self.missing_within(&ALWAYS);
        }
        let changes = self.blocks.evicted_covering(known.place.timestamp_ms);
        changes.into_iter().collect()
    }
}

/// What the viewing of an event is found by where it is not in memory.
fn viewing_of(arrival: &Arrival<'_>) -> IdHash {
    IdHash::of_viewing([arrival.session_id.as_ref(), arrival.object_id.as_ref()])
}

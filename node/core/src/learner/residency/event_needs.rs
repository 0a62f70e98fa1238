//! Evicted blocks that an event needs.

use super::missing::{ALWAYS, Missing};
use crate::{
    context::EntryContext,
    learner::{
        compact::{Arrival, IdHash},
        history::EvictedBlock,
        state::Learner,
    },
};

impl Learner {
    /// Checks that all blocks an event needs are in memory.
    ///
    /// It may ask for more blocks than necessary, never for fewer. One call reports all that are
    /// known so far; further ones may follow once these are read.
    pub(in crate::learner) fn check_resident(
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
        if event.affects_watched_time() {
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

    /// The blocks that an event needs of its viewing: the newest one, and older ones if the event
    /// affects earlier facts.
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

    /// The blocks that an event needs if it affects earlier facts of its viewing.
    ///
    /// If the event carries a greater length, all blocks of the viewing: any credit may have been
    /// capped. Else the block with the next start or stop, which will be counted from the event.
    /// That block also contains the start or stop before the event, unless it is in memory.
    /// Candidates are returned one by one until it is found.
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

    /// The blocks that may contain an id.
    fn with_id(&self, id: &str, context: &EntryContext) -> impl Iterator<Item = i64> {
        let evicted = self.blocks.evicted_with(IdHash::of(id), context.floor_ms);
        evicted.map(|block| block.from_ms)
    }

    /// The blocks that an event needs of its attempt: the one with the attempt, or all if other
    /// attempts will be shown instead of it.
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

/// The hash by which the event's viewing is found in evicted blocks.
fn viewing_of(arrival: &Arrival<'_>) -> IdHash {
    IdHash::of_viewing([arrival.session_id.as_ref(), arrival.object_id.as_ref()])
}

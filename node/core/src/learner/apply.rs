//! Applies one event to a learner: checks that change nothing and may fail, then changes that can't
//! fail.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{
    Event, EventKind, LatePolicy, Reason,
    chain::Chain,
    content_hash,
    context::EntryContext,
    learner::{
        compact::{Arrival, IdHash},
        history::NewPane,
        residency::{ALWAYS, Missing},
        state::Learner,
    },
    time::{HOUR_MS, MINUTE_MS, floor_to, hour_of},
};

/// The result of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The event counts from now on.
    Accepted {
        /// The event's window was settled before.
        amends: bool,
        /// The pane that the event began, if it is the first one in it.
        began: Option<NewPane>,
        /// A digest of what else it changed in its learner: other events that count differently
        /// because of it, and the size of what is kept.
        effect: u64,
    },
    /// An event with the same id was accepted before.
    Duplicate {
        /// The earlier event had other content.
        conflicting: bool,
    },
    /// Another source is authoritative for the event's type.
    Shadowed,
    /// The event is refused.
    Refused(Reason),
}

/// The effect of an event on its learner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The result.
    pub verdict: Verdict,
    /// Event times at which the learner's content changed: the event's own, and those of events
    /// that count differently because of it.
    pub touched_ms: Touched,
}

/// Event times at which content changed. An event that changes only its own time needs no
/// allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    own_ms: Option<i64>,
    others_ms: Vec<i64>,
}

impl IntoIterator for Touched {
    type Item = i64;
    type IntoIter = std::iter::Chain<std::vec::IntoIter<i64>, std::option::IntoIter<i64>>;

    fn into_iter(self) -> Self::IntoIter {
        self.others_ms.into_iter().chain(self.own_ms)
    }
}

/// The changes that an accepted event will make.
struct Plan {
    id: IdHash,
    content: u32,
    amends: bool,
    others_touched_ms: Vec<i64>,
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is checking an event. A panic then makes the event poison; elsewhere it ends
/// the process.
pub fn catches_panics() -> bool {
    GUARDED.get()
}

impl Learner {
    /// Applies one event; `encoded` are the bytes it was decoded from.
    ///
    /// The result does not depend on which blocks are in memory: if one is missing, nothing is
    /// changed.
    ///
    /// A panic during the checks leaves the learner unchanged and makes the event poison, on every
    /// replica and at every replay. It counts as such only with all blocks in memory, since the
    /// others are evicted on one replica and not on the next: the event is checked again with them.
    ///
    /// # Errors
    /// When a needed block is not in memory. The caller reads it and applies the event again.
    ///
    /// # Panics
    /// When an event that made the checks panic passes them with all blocks in memory: what is in
    /// memory was at fault, and other replicas did not panic.
    pub fn apply(
        &mut self,
        context: &EntryContext,
        event: &Event<'_>,
        encoded: &[u8],
    ) -> Result<Applied, Missing> {
        let arrival = &Arrival::of(event);
        self.check_resident(context, arrival)?;
        let panicked_before = std::mem::take(&mut self.doubted);
        let kept = self.kept;
        GUARDED.set(true);
        let checked = catch_unwind(AssertUnwindSafe(|| self.check(context, arrival, encoded)));
        GUARDED.set(false);
        match checked {
            Ok(_) if panicked_before => {
                panic!("a panic that goes with all blocks in memory: residency is at fault")
            }
            Ok(Ok(plan)) => Ok(self.take_over(context, arrival, plan)),
            Ok(Err(verdict)) => Ok(Applied::nothing(verdict)),
            Err(_panic) => {
                self.kept = kept;
                self.poison_or_doubt()
            }
        }
    }

    /// What a panic during the checks means.
    fn poison_or_doubt(&mut self) -> Result<Applied, Missing> {
        let evicted = self.missing_within(&ALWAYS);
        if evicted.is_empty() {
            return Ok(Applied::nothing(Verdict::Refused(Reason::Poison)));
        }
        self.doubted = true;
        Err(Missing(evicted))
    }

    /// Removes what the retention no longer covers. Called before the first event of an entry,
    /// since it is part of the entry's effect.
    pub fn prune(&mut self, context: &EntryContext) {
        let floor_ms = context.floor_ms;
        if !self.is_known() || hour_of(floor_ms) <= hour_of(self.pruned_to_ms) {
            return;
        }
        self.pruned_to_ms = floor_ms;
        self.sessions.prune(self.pruned_hour_ms());
        self.corrections.prune(self.pruned_hour_ms());
        self.playbacks.prune(self.pruned_hour_ms());
        self.attempts.prune(self.pruned_hour_ms());
        self.blocks.prune(floor_ms);
        self.kept.recount_next();
        self.unsaved = true;
    }

    /// The end of the hours that were pruned, ms. Blocks are pruned by whole hours.
    pub(in crate::learner) fn pruned_hour_ms(&self) -> i64 {
        floor_to(self.pruned_to_ms, HOUR_MS)
    }

    /// All checks. What they change is only the estimate of what is kept.
    fn check(
        &mut self,
        context: &EntryContext,
        arrival: &Arrival<'_>,
        encoded: &[u8],
    ) -> Result<Plan, Verdict> {
        let plan = self.judge(context, arrival, encoded)?;
        let changed = plan.others_touched_ms.len();
        match self.make_room(context, arrival.event, changed) {
            true => Ok(plan),
            false => Err(Verdict::Refused(Reason::LearnerFull)),
        }
    }

    /// The checks in the order of the design: duplicate, retention, lateness, authority, room in
    /// the blocks.
    fn judge(
        &self,
        context: &EntryContext,
        arrival: &Arrival<'_>,
        encoded: &[u8],
    ) -> Result<Plan, Verdict> {
        let event = arrival.event;
        let settings = &context.settings;
        let id = IdHash::of(&event.event_id);
        let content = (content_hash(encoded) & u64::from(u32::MAX)) as u32;
        if let Some(known) = self
            .blocks
            .content_of(id, event.timestamp_ms, context.floor_ms)
        {
            return Err(Verdict::Duplicate {
                conflicting: known != content,
            });
        }
        if settings.poison_drill_type.as_deref() == Some(event.event_type.name()) {
            panic!("poison drill: handling {} panics", event.event_type.name());
        }
        if event.timestamp_ms < context.floor_ms {
            return Err(Verdict::Refused(Reason::BeyondRetention));
        }
        let window_end_ms = floor_to(event.timestamp_ms, MINUTE_MS) + MINUTE_MS;
        let amends = context.watermark_ms >= window_end_ms + settings.allowed_lateness_ms;
        if amends && settings.late_policy == LatePolicy::DeadLetter {
            return Err(Verdict::Refused(Reason::Late));
        }
        if settings.is_shadowed(event.event_type.name(), &event.source) {
            return Err(Verdict::Shadowed);
        }
        if !self.blocks_have_room(arrival) {
            return Err(Verdict::Refused(Reason::LearnerFull));
        }
        Ok(Plan {
            id,
            content,
            amends,
            others_touched_ms: self.others_touched(arrival),
        })
    }

    fn others_touched(&self, arrival: &Arrival<'_>) -> Vec<i64> {
        let mut touched_ms = Vec::new();
        if arrival.event.affects_watched_time() {
            touched_ms = self.playbacks.affected_by(arrival);
        }
        if arrival.event.score_millionths.is_some() {
            touched_ms.extend(self.attempts.affected_by(arrival));
        }
        touched_ms
    }

    /// Makes the changes. It only inserts and adds: a panic here would leave the learner half
    /// changed.
    fn take_over(&mut self, context: &EntryContext, arrival: &Arrival<'_>, plan: Plan) -> Applied {
        let event = arrival.event;
        let course = self.courses.add(arrival);
        let claim = (plan.id, plan.content);
        let began = self.blocks.add(event, claim, course, context);
        self.unsaved = true;
        self.events = self.events.saturating_add(1);
        self.last_event_ms = self.last_event_ms.max(event.timestamp_ms);
        self.sessions.add(arrival);
        if event.affects_watched_time()
            && let Some(changed_ms) = self.playbacks.add(arrival, course)
        {
            self.blocks.mark(changed_ms);
        }
        if let Some(score_millionths) = event.score_millionths
            && let Some(changed_ms) = self.attempts.add(arrival, score_millionths, course)
        {
            self.blocks.mark(changed_ms..=changed_ms);
        }
        if event.event_type.kind() == EventKind::Interaction {
            self.last_interactions.add(arrival, course);
        }
        for &other_ms in &plan.others_touched_ms {
            self.blocks.touch(other_ms, context.log_time_ms);
            self.corrections.note(other_ms, context);
        }
        self.corrections.note(event.timestamp_ms, context);
        Applied {
            verdict: Verdict::Accepted {
                amends: plan.amends,
                began,
                effect: self.effect_of(&plan),
            },
            touched_ms: Touched {
                own_ms: Some(event.timestamp_ms),
                others_ms: plan.others_touched_ms,
            },
        }
    }
}

impl Learner {
    /// The order in which the other events are found depends on what is in memory.
    fn effect_of(&self, plan: &Plan) -> u64 {
        let mut effect = Chain::at(self.events);
        effect.add(self.kept_estimate());
        let others = plan.others_touched_ms.iter().map(|time_ms| {
            let mut other = Chain::default();
            other.add_signed(*time_ms);
            other.value()
        });
        effect.add(others.fold(0, u64::wrapping_add));
        effect.value()
    }
}

impl Applied {
    fn nothing(verdict: Verdict) -> Self {
        Self {
            verdict,
            touched_ms: Touched::default(),
        }
    }
}

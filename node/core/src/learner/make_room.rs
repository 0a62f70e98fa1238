//! Judges whether a learner has room for an event, and reserves it.

use crate::{
    Event,
    context::EntryContext,
    learner::{
        compact::Arrival,
        room::{LENGTHENED_MAX, Room, kept_at_most},
        state::Learner,
    },
};

impl Learner {
    /// An upper bound of [`Self::kept_bytes`]. Equal on all replicas.
    pub fn kept_estimate(&self) -> u64 {
        self.kept.estimate()
    }

    /// What is kept beside the blocks of events, bytes. Equal on all replicas, whatever is in
    /// memory. Takes time in proportion to what is in memory.
    pub fn kept_bytes(&self) -> usize {
        let floor_ms = self.pruned_hour_ms();
        self.user_id.len()
            + self.courses.kept_bytes()
            + self.sessions.kept_bytes(floor_ms)
            + self.last_interactions.kept_bytes()
            + self.playbacks.kept_bytes(self.last_event_ms, floor_ms)
            + self.attempts.kept_bytes(floor_ms)
            + self.corrections.kept_bytes()
    }

    /// Whether the event has room in its pane, its hour and all blocks, and changes no more other
    /// events than one event may. All blocks that it needs are in memory.
    pub(in crate::learner) fn blocks_have_room(&self, arrival: &Arrival<'_>) -> bool {
        let event = arrival.event;
        let most = Room::of(event).bytes(true);
        self.blocks.has_room(event.timestamp_ms, most)
            && (event.length_ms.is_none()
                || self.playbacks.lengthened(arrival, self.pruned_hour_ms()) <= LENGTHENED_MAX)
    }

    /// Reserves room for what an event adds to what is kept. Returns false if there is none: then
    /// at most the estimate changed.
    pub(in crate::learner) fn make_room(
        &mut self,
        context: &EntryContext,
        event: &Event<'_>,
        changed: usize,
    ) -> bool {
        let most = kept_at_most(event, changed) as u64;
        let bound = context.settings.learner_bytes_max;
        if self.kept.add(most, bound) {
            return true;
        }
        if !self.kept.may_recount(self.events, bound) {
            return false;
        }
        self.kept.recount(self.kept_bytes() as u64, self.events);
        self.unsaved = true;
        self.kept.add(most, bound)
    }
}

//! Watched time, from the starts and stops of videos.

use std::ops::Range;

use super::{eviction::PlaybackEviction, viewing::Viewing};
use crate::{
    Event,
    learner::compact::{
        course_slot::CourseSlot,
        key::{Arrival, IdHash},
        sorted::{Sorted, Spot},
    },
    wire::{Put, Reader},
};

/// The playback events of a learner, by session and object.
#[derive(Clone, Debug, Default)]
pub struct Playbacks {
    viewings: Sorted<Viewing>,
    /// Where the viewing of the last event was: that of the next is looked for there first.
    latest: Spot,
}

impl PartialEq for Playbacks {
    fn eq(&self, other: &Self) -> bool {
        self.viewings == other.viewings
    }
}

impl Eq for Playbacks {}

/// Whether an event has anything to say about watching.
pub fn affects_watched_time(event: &Event<'_>) -> bool {
    event.event_type.playback().is_some() || event.watched_ms.is_some() || event.length_ms.is_some()
}

impl Playbacks {
    /// Reads a word of each cache line that the next event changes.
    pub fn prefetch(&self) -> u64 {
        self.viewings.at(self.latest).map_or(0, Viewing::prefetch)
    }

    /// Event times, other than the event's own, whose credit will change when the event is added.
    pub fn affected_by(&self, arrival: &Arrival<'_>) -> Vec<i64> {
        match self.of(arrival) {
            Some(viewing) if viewing.may_affect_others(arrival) => viewing.affected_by(arrival),
            _ => Vec::new(),
        }
    }

    /// Whether an event changes what other events count for, or is counted from, that lie before a time from which on all are in memory.
    pub fn reaches_before(&self, arrival: &Arrival<'_>, whole_from_ms: i64) -> bool {
        let viewing = self.of(arrival);
        viewing.is_some_and(|viewing| viewing.reaches_before(arrival, whole_from_ms))
    }

    /// Whether an event tells a length that changes what others count for.
    pub fn lengthens(&self, arrival: &Arrival<'_>) -> bool {
        let viewing = self.of(arrival);
        viewing.is_some_and(|viewing| viewing.lengthens(arrival))
    }

    /// Time of the newest event of its viewing, as far as they are in memory, ms; the least number without one.
    pub fn newest_ms(&self, arrival: &Arrival<'_>) -> i64 {
        let viewing = self.of(arrival);
        viewing.and_then(Viewing::last_ms).unwrap_or(i64::MIN)
    }

    /// Time of the first start or stop of its viewing after an event, as far as they are in memory, ms; the greatest number without one.
    pub fn next_ms(&self, arrival: &Arrival<'_>) -> i64 {
        let viewing = self.of(arrival);
        let next_ms = viewing.and_then(|viewing| viewing.next_ms(arrival));
        next_ms.unwrap_or(i64::MAX)
    }

    /// Adds what an event says. Gives the times of those events with which something else is stored now.
    pub fn add(&mut self, arrival: &Arrival<'_>, course: CourseSlot) -> Vec<i64> {
        let (Ok(spot) | Err(spot)) = self.find(arrival);
        self.latest = spot;
        let known = self.viewings.at_mut(spot);
        if let Some(viewing) = known.filter(|viewing| viewing.compare(arrival).is_eq()) {
            return viewing.add(arrival, course);
        }
        let [session_id, object_id] = [arrival.session_id, arrival.object_id];
        let mut viewing = Viewing::new(
            session_id.map(|id| id.to_text()),
            object_id.map(|id| id.to_text()),
            None,
        );
        let changed_ms = viewing.add(arrival, course);
        self.viewings.insert(spot, viewing);
        changed_ms
    }

    fn of(&self, arrival: &Arrival<'_>) -> Option<&Viewing> {
        self.viewings.at(self.find(arrival).ok()?)
    }

    fn find(&self, arrival: &Arrival<'_>) -> Result<Spot, Spot> {
        let latest = self.viewings.at(self.latest);
        match latest.filter(|viewing| viewing.compare(arrival).is_eq()) {
            Some(_) => Ok(self.latest),
            None => self.viewings.search(|viewing| viewing.compare(arrival)),
        }
    }

    /// Viewings that have an event at or after a time.
    pub fn since(&self, from_ms: i64) -> impl Iterator<Item = &Viewing> {
        self.viewings
            .iter()
            .filter(move |viewing| viewing.last_ms() >= Some(from_ms))
    }

    /// Forgets what lies before the floor, but for the last start or stop before it in a viewing that goes on: the next stop may need
    /// it.
    pub fn prune(&mut self, floor_ms: i64) {
        self.viewings.retain(|viewing| viewing.prune(floor_ms));
    }

    /// What the viewings are found by that have a fact within a span.
    pub fn keys_within(&self, span_ms: &Range<i64>) -> impl Iterator<Item = IdHash> {
        let within = self
            .viewings
            .iter()
            .filter(|viewing| viewing.has_within(span_ms));
        within.map(Viewing::hash)
    }

    /// Forgets viewings that are over, and of the others facts, see [`Viewing::forget`].
    pub fn forget(&mut self, eviction: &PlaybackEviction<impl Fn(i64) -> bool>) {
        self.viewings.retain(|viewing| {
            let stays = !viewing.is_over(eviction);
            if stays {
                viewing.forget(eviction);
            }
            stays
        });
    }

    /// What they take beside their own fields.
    pub fn heap_bytes(&self) -> usize {
        self.viewings.heap_bytes() + self.viewings.iter().map(Viewing::heap_bytes).sum::<usize>()
    }

    /// Appends the stored form of the facts before a time and of those in a span, with the start or stop that those are counted from;
    /// times are stored relative to one.
    pub fn put(&self, out: &mut Vec<u8>, base_ms: i64, before_ms: i64, span: &Range<i64>) {
        let some = self.viewings.iter().filter_map(|viewing| {
            let facts = viewing.some(before_ms, span);
            let is_any = facts.clone().next().is_some();
            is_any.then_some((viewing, facts))
        });
        out.put_size(some.clone().count());
        for (viewing, facts) in some {
            viewing.put(out, base_ms, facts);
        }
    }

    /// Reads the stored form into the list; what is known already stays as it is. A block brings the last start or stop before the floor
    /// with it; one that was the last of those in memory need not stay.
    pub fn read(&mut self, from: &mut Reader<'_>, base_ms: i64, floor_ms: i64) -> Option<()> {
        for _ in 0..from.size()? {
            self.take_in(Viewing::read(from, base_ms)?, floor_ms);
        }
        Some(())
    }

    /// Reads the stored form of what stays in the past, of a block older than all that were read before, but for what [`Self::forget`]
    /// would forget. Gives what the viewings are found by.
    pub fn read_past(
        &mut self,
        from: &mut Reader<'_>,
        (base_ms, floor_ms): (i64, i64),
        eviction: &PlaybackEviction<impl Fn(i64) -> bool>,
    ) -> Option<Vec<IdHash>> {
        let mut keys = Vec::new();
        for _ in 0..from.size()? {
            let mut viewing = Viewing::read(from, base_ms)?;
            keys.push(viewing.hash());
            // Of one that is not known yet these are the newest events.
            if self.place_of(&viewing).is_ok() || !viewing.is_over(eviction) {
                viewing.forget(eviction);
                self.take_in(viewing, floor_ms);
            }
        }
        Some(keys)
    }

    /// Adds what is stored of a viewing.
    fn take_in(&mut self, mut viewing: Viewing, floor_ms: i64) {
        match self.place_of(&viewing) {
            Ok(spot) => {
                if let Some(known) = self.viewings.at_mut(spot) {
                    known.join(viewing);
                    known.prune(floor_ms);
                }
            }
            Err(spot) => {
                viewing.prune(floor_ms);
                self.viewings.insert(spot, viewing);
            }
        }
    }

    fn place_of(&self, viewing: &Viewing) -> Result<Spot, Spot> {
        let key = viewing.key();
        self.viewings.search_end(|other| other.key().cmp(&key))
    }
}

//! All viewings of a learner.

use std::ops::{Range, RangeInclusive};

use super::{
    eviction::PlaybackEviction,
    viewing::{Fact, Viewing},
};
use crate::{
    learner::compact::{Arrival, CourseSlot, IdHash, Sorted, Spot},
    wire::{Put, Reader},
};

/// The playback events of a learner, by session and object.
#[derive(Clone, Debug, Default)]
pub struct Playbacks {
    viewings: Sorted<Viewing>,
    /// Position of the last event's viewing. The next event's viewing is searched there first.
    latest: Spot,
}

impl PartialEq for Playbacks {
    fn eq(&self, other: &Self) -> bool {
        self.viewings == other.viewings
    }
}

impl Eq for Playbacks {}

impl Playbacks {
    /// Reads a word of each cache line that the next event changes.
    pub fn prefetch(&self) -> u64 {
        self.viewings.at(self.latest).map_or(0, Viewing::prefetch)
    }

    /// Event times, other than the event's own, whose credit changes when the event is added.
    pub fn affected_by(&self, arrival: &Arrival<'_>) -> Vec<i64> {
        match self.of(arrival) {
            Some(viewing) if viewing.may_affect_others(arrival) => viewing.affected_by(arrival),
            _ => Vec::new(),
        }
    }

    /// Whether an event affects, or depends on, events before a time from which on all are in
    /// memory.
    pub fn reaches_before(&self, arrival: &Arrival<'_>, whole_from_ms: i64) -> bool {
        let viewing = self.of(arrival);
        viewing.is_some_and(|viewing| viewing.reaches_before(arrival, whole_from_ms))
    }

    /// Whether an event carries a length that changes the credit of others.
    pub fn lengthens(&self, arrival: &Arrival<'_>) -> bool {
        let viewing = self.of(arrival);
        viewing.is_some_and(|viewing| viewing.lengthens(arrival))
    }

    /// Time of the newest resident event of the event's viewing, ms; `i64::MIN` if there is none.
    pub fn newest_ms(&self, arrival: &Arrival<'_>) -> i64 {
        let viewing = self.of(arrival);
        viewing.and_then(Viewing::last_ms).unwrap_or(i64::MIN)
    }

    /// Time of the first resident start or stop after an event in its viewing, ms; `i64::MAX` if
    /// there is none.
    pub fn next_ms(&self, arrival: &Arrival<'_>) -> i64 {
        let viewing = self.of(arrival);
        let next_ms = viewing.and_then(|viewing| viewing.next_ms(arrival));
        next_ms.unwrap_or(i64::MAX)
    }

    /// Adds an event. Returns the span of the events whose stored form changes with it.
    pub fn add(
        &mut self,
        arrival: &Arrival<'_>,
        course: CourseSlot,
    ) -> Option<RangeInclusive<i64>> {
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

    /// Number of the resident events at or after the floor that the event's length may change. All
    /// blocks of its viewing must be in memory.
    pub fn lengthened(&self, arrival: &Arrival<'_>, floor_ms: i64) -> usize {
        let viewing = self.of(arrival).filter(|it| it.lengthens(arrival));
        viewing.map_or(0, |viewing| viewing.facts_since(floor_ms))
    }

    /// What the viewings that are not over count, with the starts at or after the floor that may
    /// count as rewatching, bytes.
    pub fn kept_bytes(&self, last_event_ms: i64, floor_ms: i64) -> usize {
        let viewings = self.viewings.iter();
        let open = viewings.filter(|viewing| !viewing.is_past(last_event_ms));
        open.map(|viewing| viewing.kept_bytes(last_event_ms, floor_ms))
            .sum()
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

    /// Viewings with an event at or after a time.
    pub fn since(&self, from_ms: i64) -> impl Iterator<Item = &Viewing> {
        self.viewings
            .iter()
            .filter(move |viewing| viewing.last_ms() >= Some(from_ms))
    }

    /// Removes what is before the floor. A viewing that continues keeps its last start or stop
    /// before the floor, since the next stop may be counted from it.
    pub fn prune(&mut self, floor_ms: i64) {
        self.viewings.retain(|viewing| viewing.prune(floor_ms));
    }

    /// By span: the viewings with a fact within it. The spans are ascending and don't overlap. Each
    /// viewing is passed over once, however many blocks it is in.
    pub fn within(&self, spans_ms: &[Range<i64>]) -> Vec<Vec<Part<'_>>> {
        let mut within = vec![Vec::new(); spans_ms.len()];
        for viewing in self.viewings.iter() {
            let (mut from, mut passed_ms, mut counted_from) = (0, i64::MIN, None);
            while let Some(at) = viewing.first_within(spans_ms, from) {
                let start_ms = spans_ms[at].start;
                let last = viewing.last_playback_between(passed_ms, start_ms);
                counted_from = last.or(counted_from);
                within[at].push(Part {
                    viewing,
                    counted_from,
                });
                (from, passed_ms) = (at + 1, start_ms);
            }
        }
        within
    }

    /// Removes viewings that are over, and facts of the others, see [`Viewing::forget`].
    pub fn forget(&mut self, eviction: &PlaybackEviction<impl Fn(i64) -> bool>) {
        self.viewings.retain(|viewing| {
            let stays = !viewing.is_over(eviction);
            if stays {
                viewing.forget(eviction);
            }
            stays
        });
    }

    /// Heap memory, bytes.
    pub fn heap_bytes(&self) -> usize {
        self.viewings.heap_bytes() + self.viewings.iter().map(Viewing::heap_bytes).sum::<usize>()
    }

    /// Appends the stored form of the facts before a time and of those in a span, each with the
    /// start or stop that it is counted from. Times are relative to `base_ms`.
    pub fn put(&self, out: &mut Vec<u8>, base_ms: i64, before_ms: i64, span: &Range<i64>) {
        let some = self.viewings.iter().filter_map(|viewing| {
            let facts = viewing.some(before_ms, span);
            let is_any = facts.clone().next().is_some();
            is_any.then_some((viewing, facts))
        });
        let some: Vec<_> = some.collect();
        out.put_size(some.len());
        for (viewing, facts) in some {
            viewing.put(out, base_ms, facts);
        }
    }

    /// Adds facts from their stored form; known facts stay unchanged. A block also contains the
    /// last start or stop before the floor. It replaces an earlier one in memory.
    pub fn read(&mut self, from: &mut Reader<'_>, base_ms: i64, floor_ms: i64) -> Option<()> {
        for _ in 0..from.size()? {
            self.take_in(Viewing::read(from, base_ms)?, floor_ms);
        }
        Some(())
    }

    /// Reads the viewings of an evicted block, which is older than all blocks read before. Adds
    /// only what [`Self::forget`] would keep, and returns the keys of all viewings.
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
            // The newest events of a viewing are read first, so they decide whether it is over.
            if self.place_of(&viewing).is_ok() || !viewing.is_over(eviction) {
                viewing.forget(eviction);
                self.take_in(viewing, floor_ms);
            }
        }
        Some(keys)
    }

    /// Adds a stored viewing, or joins it with the known one.
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

/// A part of a viewing: its facts in a span, and the last start or stop before, which the first of
/// them may be counted from.
#[derive(Clone, Copy, Debug)]
pub struct Part<'v> {
    pub viewing: &'v Viewing,
    counted_from: Option<&'v Fact>,
}

impl Part<'_> {
    /// Appends the stored form. Times are relative to the start of the span.
    pub fn put(&self, out: &mut Vec<u8>, span: &Range<i64>) {
        let within = self.viewing.facts_within(span);
        let facts = self.counted_from.into_iter().chain(within);
        self.viewing.put(out, span.start, facts);
    }
}

//! One viewing: the playback events of one learner for one object in one session, and the watched
//! time that they give.

use std::{
    cmp::Ordering,
    ops::{Range, RangeInclusive},
};

use super::{
    credit::{Credit, Mark, credits, times_that_differ},
    eviction::{PlaybackEviction, REWATCHING_SPAN_MS},
};
use crate::{
    Playback,
    learner::{
        compact::{
            Arrival, CourseSlot, IdHash, Place, Sorted, Spot, Text, compare_options, read_text,
        },
        room::{DETAIL_KEPT_BYTES, START_BYTES},
    },
    time::MINUTE_MS,
    wire::{Put, Reader},
};

/// Cap of watched time if no event carries the video's length, ms.
const DEFAULT_CAP_MS: u64 = 30 * MINUTE_MS.unsigned_abs();

/// The playback events of one learner for one object in one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewing {
    /// The session; `None` for types that need none.
    session_id: Option<Text>,
    /// The video. Events without an object share one viewing.
    object_id: Option<Text>,
    length_ms: Option<u64>,
    /// Ordered by key.
    facts: Sorted<Fact>,
}

/// The playback data of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub place: Place,
    /// Watched time as the source measured it, ms. It replaces the time between start and stop.
    pub watched_ms: Option<u64>,
    pub course: CourseSlot,
    pub playback: Option<Playback>,
}

impl Viewing {
    /// Reads a word of each cache line that the next event changes.
    pub fn prefetch(&self) -> u64 {
        let newest = self
            .facts
            .last()
            .map_or(0, |fact| fact.place.timestamp_ms.cast_unsigned());
        self.length_ms.unwrap_or_default() ^ newest
    }

    pub fn new(session_id: Option<Text>, object_id: Option<Text>, length_ms: Option<u64>) -> Self {
        Self {
            session_id,
            object_id,
            length_ms,
            facts: Sorted::default(),
        }
    }

    /// Appends a fact that is newer than all others.
    pub fn push(&mut self, fact: Fact) -> Option<()> {
        self.facts
            .push(fact, |one, other| one.place.cmp(&other.place))
    }

    /// The key of the viewing.
    pub fn key(&self) -> (Option<&Text>, Option<&Text>) {
        (self.session_id.as_ref(), self.object_id.as_ref())
    }

    /// The hash by which the viewing is found in evicted blocks.
    pub fn hash(&self) -> IdHash {
        IdHash::of_viewing([self.session_id.as_ref(), self.object_id.as_ref()])
    }

    /// Index of the first span from an index on that contains a fact. The spans are ascending and
    /// don't overlap.
    pub fn first_within(&self, spans_ms: &[Range<i64>], from: usize) -> Option<usize> {
        let mut at = from;
        loop {
            let span_ms = spans_ms.get(at)?;
            let mut facts = self.facts.iter_from(self.first_from(span_ms.start));
            let next_ms = facts.next()?.place.timestamp_ms;
            if next_ms < span_ms.end {
                return Some(at);
            }
            at += spans_ms[at..].partition_point(|span_ms| span_ms.end <= next_ms);
        }
    }

    /// Position of the first fact at or after a time.
    fn first_from(&self, time_ms: i64) -> Spot {
        self.facts
            .first_not(|fact| fact.place.timestamp_ms < time_ms)
    }

    /// Compares the viewing's key with that of an event.
    pub fn compare(&self, arrival: &Arrival<'_>) -> Ordering {
        let by_session = compare_options(self.session_id.as_ref(), arrival.session_id.as_ref());
        by_session
            .then_with(|| compare_options(self.object_id.as_ref(), arrival.object_id.as_ref()))
    }

    /// Adds an event. Returns the span of the events whose stored form changes with it, ms.
    pub fn add(
        &mut self,
        arrival: &Arrival<'_>,
        course: CourseSlot,
    ) -> Option<RangeInclusive<i64>> {
        let event = arrival.event;
        let raised = self.lengthens(arrival);
        self.length_ms = self.length_ms.max(event.length_ms);
        let fact = Fact {
            place: arrival.place.to_place(),
            playback: event.event_type.playback(),
            watched_ms: event.watched_ms,
            course,
        };
        let (Ok(spot) | Err(spot)) =
            (self.facts).search_end(|other| other.place.compare(&arrival.place));
        self.facts.insert(spot, fact);
        let last_ms = self.last_ms()?;
        // All facts are stored with the length.
        if raised {
            let first = self.facts.iter().next()?;
            return Some(first.place.timestamp_ms..=last_ms);
        }
        // Later facts are stored with the start or stop that they are counted from, up to the next.
        if arrival.place.timestamp_ms == last_ms || event.event_type.playback().is_none() {
            return None;
        }
        let from_ms = arrival.place.timestamp_ms;
        let later = self.facts.iter_from(self.first_from(from_ms));
        let mut later = later.filter(|other| other.place.compare(&arrival.place).is_gt());
        let next = later.find(|other| other.playback.is_some());
        Some(from_ms..=next.map_or(last_ms, |next| next.place.timestamp_ms))
    }

    /// Number of facts at or after a time.
    pub fn facts_since(&self, from_ms: i64) -> usize {
        self.facts.len_from(self.first_from(from_ms))
    }

    /// Whether no view shows the viewing any more: no start is within its cap or may count as
    /// rewatching.
    pub fn is_past(&self, last_event_ms: i64) -> bool {
        let cap_ms = i64::try_from(self.cap_ms()).unwrap_or(i64::MAX);
        let shown_ms = cap_ms.max(REWATCHING_SPAN_MS);
        self.last_ms()
            .is_some_and(|last_ms| last_ms.saturating_add(shown_ms) < last_event_ms)
    }

    /// What its texts, its newest event and the starts that may count as rewatching count, bytes.
    /// Which starts before the floor are in memory depends on what was evicted; none counts.
    pub fn kept_bytes(&self, last_event_ms: i64, floor_ms: i64) -> usize {
        let ids = [&self.session_id, &self.object_id].into_iter().flatten();
        let newest = self.facts.last().map(|fact| &fact.place.event_id);
        let texts = ids.chain(newest).map(Text::length).sum::<usize>();
        let shown_ms = last_event_ms.saturating_sub(REWATCHING_SPAN_MS);
        let starts_from = self.first_from(shown_ms.max(floor_ms));
        let starts = self.facts.iter_from(starts_from);
        let starts = starts.filter(|fact| fact.playback == Some(Playback::Start));
        let starts = starts.map(|fact| START_BYTES + fact.place.event_id.length());
        DETAIL_KEPT_BYTES + texts + starts.sum::<usize>()
    }

    /// Adds the facts of the same viewing from another record.
    pub fn join(&mut self, other: Self) {
        self.length_ms = self.length_ms.max(other.length_ms);
        for fact in other.facts {
            if let Err(spot) = self.facts.search_end(|it| it.place.cmp(&fact.place)) {
                self.facts.insert(spot, fact);
            }
        }
    }

    /// The facts before a time, and those in a span with the start or stop that they are counted
    /// from.
    pub fn some(
        &self,
        before_ms: i64,
        span: &Range<i64>,
    ) -> impl Iterator<Item = &Fact> + Clone + use<'_> {
        let within = self.facts_within(span);
        let is_any = within.clone().next().is_some();
        let last = is_any.then(|| self.last_playback_between(before_ms, span.start));
        let last = last.flatten();
        let before = self.facts.iter();
        let before = before.take_while(move |fact| fact.place.timestamp_ms < before_ms);
        before.chain(last).chain(within)
    }

    /// Whether adding the event may change the credit of others. False for the usual event: the
    /// newest one, with no greater length; and for one that neither starts nor stops.
    pub fn may_affect_others(&self, arrival: &Arrival<'_>) -> bool {
        let last = self.facts.last();
        self.lengthens(arrival)
            || arrival.event.event_type.playback().is_some()
                && last.is_some_and(|last| last.place.compare(&arrival.place).is_gt())
    }

    /// Event times, other than the event's own, whose credit changes when the event is added.
    pub fn affected_by(&self, arrival: &Arrival<'_>) -> Vec<i64> {
        let event = arrival.event;
        let length_ms = self.length_ms.max(event.length_ms);
        let cap_ms = length_ms.unwrap_or(DEFAULT_CAP_MS);
        let added = Mark {
            at_ms: event.timestamp_ms,
            playback: event.event_type.playback(),
            watched_ms: event.watched_ms,
            course: CourseSlot::of(None),
        };
        let (older, newer) = self.around(arrival, cap_ms != self.cap_ms());
        let known = || older.iter().copied();
        let without = known().chain(newer.iter().copied());
        let with_added = known().chain([added]).chain(newer.iter().copied());
        let mut changed =
            times_that_differ(credits(without, self.cap_ms()), credits(with_added, cap_ms));
        changed.retain(|time_ms| *time_ms != event.timestamp_ms);
        changed
    }

    /// The facts before and after an event that is to be added, in order. Either all, or only those
    /// whose credit can change: starts and stops, with those of the same times, and those that they
    /// are counted from.
    fn around(&self, arrival: &Arrival<'_>, all: bool) -> (Vec<Mark>, Vec<Mark>) {
        let (Ok(spot) | Err(spot)) =
            (self.facts).search(|other| other.place.compare(&arrival.place));
        let counts = |mark: &Mark| all || mark.playback.is_some();
        let mut older = Vec::new();
        let before = self.facts.iter_before(spot).map(Fact::mark);
        for mark in before.filter(counts) {
            older.push(mark);
            if mark.at_ms < arrival.place.timestamp_ms && !all {
                break;
            }
        }
        older.reverse();
        let mut newer: Vec<Mark> = Vec::new();
        let after = self.facts.iter_from(spot).map(Fact::mark);
        for mark in after.filter(counts) {
            if !all && newer.first().is_some_and(|next| next.at_ms != mark.at_ms) {
                break;
            }
            newer.push(mark);
        }
        (older, newer)
    }

    /// Removes facts before the floor, except the last start or stop: the next stop may be counted
    /// from it. Returns whether the viewing continues after the floor.
    pub fn prune(&mut self, floor_ms: i64) -> bool {
        let goes_on = self.last_ms() >= Some(floor_ms);
        if goes_on {
            let last = self.last_playback_before(floor_ms);
            let stays = |fact: &Fact| {
                fact.place.timestamp_ms >= floor_ms || Some(&fact.place) == last.as_ref()
            };
            let facts = self.facts.iter();
            let mut before = facts.take_while(|fact| fact.place.timestamp_ms < floor_ms);
            // Moving all facts for each block that is read again would cost more than reading it.
            let all_stay = before.all(stays);
            drop(before);
            if !all_stay {
                self.retain(stays);
            }
        }
        goes_on
    }

    /// Removes facts in evicted blocks.
    ///
    /// It keeps starts that may count as rewatching, the newest fact, and the last start or stop
    /// before each resident block that follows an evicted one: others are counted from these.
    pub fn forget(&mut self, eviction: &PlaybackEviction<impl Fn(i64) -> bool>) {
        if self.facts.len() < 2 {
            return;
        }
        let starts_from_ms = eviction.rewatched_from_ms();
        // Newest first, in one pass: there may be many blocks and many facts.
        let mut kept: Vec<Place> = Vec::new();
        kept.extend(self.facts.last().map(|fact| fact.place.clone()));
        let mut next_ms = i64::MAX;
        for fact in self.facts.iter().rev().filter(|it| it.playback.is_some()) {
            let time_ms = fact.place.timestamp_ms;
            let after = &eviction.after_evicted_ms;
            let block = after.partition_point(|before_ms| *before_ms <= time_ms);
            if (after.get(block)).is_some_and(|before_ms| *before_ms <= next_ms) {
                kept.push(fact.place.clone());
            }
            next_ms = time_ms;
        }
        kept.reverse();
        self.retain(|fact| {
            let time_ms = fact.place.timestamp_ms;
            let is_shown = time_ms >= starts_from_ms && fact.playback == Some(Playback::Start);
            is_shown || !(eviction.is_evicted)(time_ms) || kept.binary_search(&fact.place).is_ok()
        });
    }

    /// Whether the whole viewing may leave memory. All its events are stored with evicted blocks,
    /// and views show none of them: no start is within its cap or counts as rewatching.
    pub fn is_over(&self, eviction: &PlaybackEviction<impl Fn(i64) -> bool>) -> bool {
        let is_stored = |time_ms| time_ms < eviction.first_ms || (eviction.is_evicted)(time_ms);
        self.is_past(eviction.last_event_ms) && self.times_ms().all(is_stored)
    }

    /// Whether an event affects, or depends on, events before a time from which on all are in
    /// memory.
    pub fn reaches_before(&self, arrival: &Arrival<'_>, whole_from_ms: i64) -> bool {
        arrival.place.timestamp_ms < whole_from_ms || self.lengthens(arrival)
    }

    /// Whether an event carries a greater length than known.
    pub fn lengthens(&self, arrival: &Arrival<'_>) -> bool {
        arrival.event.length_ms > self.length_ms
    }

    /// Time of the first start or stop after an event, ms.
    pub fn next_ms(&self, arrival: &Arrival<'_>) -> Option<i64> {
        let (Ok(spot) | Err(spot)) =
            (self.facts).search(|other| other.place.compare(&arrival.place));
        let mut later = self.facts.iter_from(spot);
        let next = later.find(|fact| fact.playback.is_some())?;
        Some(next.place.timestamp_ms)
    }

    fn last_playback_before(&self, time_ms: i64) -> Option<Place> {
        let last = self.last_playback_between(i64::MIN, time_ms);
        last.map(|fact| fact.place.clone())
    }

    /// The last start or stop in `[from_ms, to_ms)`.
    pub fn last_playback_between(&self, from_ms: i64, to_ms: i64) -> Option<&Fact> {
        let newest_first = self.facts.iter_before(self.first_from(to_ms));
        let mut between = newest_first.take_while(|fact| fact.place.timestamp_ms >= from_ms);
        between.find(|fact| fact.playback.is_some())
    }

    /// The facts in a span.
    pub fn facts_within(&self, span: &Range<i64>) -> impl Iterator<Item = &Fact> + Clone + use<'_> {
        let end_ms = span.end;
        let facts = self.facts.iter_from(self.first_from(span.start));
        facts.take_while(move |fact| fact.place.timestamp_ms < end_ms)
    }

    fn retain(&mut self, wanted: impl Fn(&Fact) -> bool) {
        let before = self.facts.len();
        self.facts.retain(|fact| wanted(fact));
        if self.facts.len() < before {
            self.facts.compact();
        }
    }

    /// Watched time of the events in `[from_ms, to_ms)`: a stop right after a start is credited
    /// with the time between them, up to the cap.
    pub fn credits_between(&self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = Credit> {
        let from = self.first_from(from_ms);
        // The first stop may be counted from a start before the span.
        let before = self.facts.iter_before(from);
        let before = before.filter(|fact| fact.playback.is_some()).take(1);
        let within = self.facts.iter_from(from);
        let within = within.take_while(move |fact| fact.place.timestamp_ms < to_ms);
        let credits = credits(before.chain(within).map(Fact::mark), self.cap_ms());
        credits.filter(move |credit| credit.timestamp_ms >= from_ms)
    }

    /// Time of the newest playback event, ms, if it is a start.
    pub fn running_since(&self) -> Option<i64> {
        let mut newest_first = self.facts.iter().rev();
        let newest = newest_first.find(|fact| fact.playback.is_some())?;
        (newest.playback == Some(Playback::Start)).then_some(newest.place.timestamp_ms)
    }

    /// Times of the starts at or after a time, oldest first, ms.
    pub fn starts_since(&self, from_ms: i64) -> impl Iterator<Item = i64> {
        self.facts
            .iter_from(self.first_from(from_ms))
            .filter(|fact| fact.playback == Some(Playback::Start))
            .map(|fact| fact.place.timestamp_ms)
    }

    /// Times of its events, oldest first, ms.
    pub fn times_ms(&self) -> impl Iterator<Item = i64> {
        self.facts.iter().map(|fact| fact.place.timestamp_ms)
    }

    /// The course of the newest event.
    pub fn course(&self) -> CourseSlot {
        self.facts
            .last()
            .map_or(CourseSlot::of(None), |fact| fact.course)
    }

    /// The most watched time that one start can give, ms.
    pub fn cap_ms(&self) -> u64 {
        self.length_ms.unwrap_or(DEFAULT_CAP_MS)
    }

    /// Time of the newest event, ms.
    pub fn last_ms(&self) -> Option<i64> {
        self.facts.last().map(|fact| fact.place.timestamp_ms)
    }

    /// Heap memory, bytes.
    pub fn heap_bytes(&self) -> usize {
        let ids = [&self.session_id, &self.object_id].into_iter().flatten();
        let facts = self.facts.iter();
        let fact_bytes = facts.map(|fact| fact.place.event_id.heap_bytes());
        ids.map(Text::heap_bytes).sum::<usize>()
            + self.facts.heap_bytes()
            + fact_bytes.sum::<usize>()
    }

    /// Appends the stored form with the given facts. Times are relative to `base_ms`.
    pub fn put<'f>(
        &self,
        out: &mut Vec<u8>,
        base_ms: i64,
        facts: impl Iterator<Item = &'f Fact> + Clone,
    ) {
        out.put_option(self.session_id.as_ref(), |out, id| id.put(out));
        out.put_option(self.object_id.as_ref(), |out, id| id.put(out));
        out.put_option(self.length_ms, |out, length_ms| out.put_number(length_ms));
        out.put_size(facts.clone().count());
        let mut before_ms = base_ms;
        for fact in facts {
            fact.place.put(out, before_ms);
            before_ms = fact.place.timestamp_ms;
            let flags = match fact.playback {
                None => 0,
                Some(Playback::Start) => 1,
                Some(Playback::Stop) => 2,
            };
            out.push(
                flags
                    | if fact.watched_ms.is_some() {
                        MEASURED
                    } else {
                        0
                    },
            );
            if let Some(watched_ms) = fact.watched_ms {
                out.put_number(watched_ms);
            }
            fact.course.put(out);
        }
    }

    /// Reads the stored form.
    pub fn read(from: &mut Reader<'_>, base_ms: i64) -> Option<Self> {
        let session_id = from.option(read_text)?;
        let object_id = from.option(read_text)?;
        let mut viewing = Self::new(session_id, object_id, from.option(Reader::number)?);
        let mut before_ms = base_ms;
        for _ in 0..from.size()? {
            let place = Place::read(from, before_ms)?;
            before_ms = place.timestamp_ms;
            let flags = from.byte()?;
            viewing.push(Fact {
                place,
                playback: match flags & !MEASURED {
                    0 => None,
                    1 => Some(Playback::Start),
                    2 => Some(Playback::Stop),
                    _ => return None,
                },
                watched_ms: match flags & MEASURED {
                    0 => None,
                    _ => Some(from.number()?),
                },
                course: CourseSlot::read(from)?,
            })?;
        }
        Some(viewing)
    }
}

/// Flag in a fact's stored form: the source measured the watched time.
const MEASURED: u8 = 4;

impl Fact {
    fn mark(&self) -> Mark {
        Mark {
            at_ms: self.place.timestamp_ms,
            playback: self.playback,
            watched_ms: self.watched_ms,
            course: self.course,
        }
    }
}

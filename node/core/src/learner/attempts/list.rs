//! Scored attempts: of the events of one attempt only the newest counts.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    ops::Range,
};

use xxhash_rust::xxh3::xxh3_64;

use super::{
    attempt::{Attempt, AttemptRef, CompactAttempt},
    name_table::NameTable,
};
use crate::{
    EventType,
    learner::compact::{
        Arrival, CourseIndex, CourseSlot, IdHash, Place, Sorted, Spot, Text, TextRef,
    },
    wire::{Put, Reader},
};

/// Number of attempts in the long rolling accuracy.
pub const ROLLING_LONG: usize = 20;
/// Number of attempts in the short rolling accuracy.
pub const ROLLING_SHORT: usize = 5;

/// Number of skills, the most recently attempted, that profiles list and that are kept beyond the
/// retention.
pub const SKILLS_KEPT: usize = 256;

/// The most names of one attempt.
const NAMES_PER_ATTEMPT: usize = 3;
/// Surplus names that are tolerated before the table is rebuilt.
const NAMES_LEAST: usize = 256;
/// Names beyond one per attempt that may stay when attempts are removed: moving all names each time
/// costs more.
const NAMES_SPARE: usize = 16;

/// The attempts of a learner, in the order of their newest events.
#[derive(Clone, Debug, Default)]
pub struct Attempts {
    all: Sorted<CompactAttempt>,
    /// Invariant: contains exactly the attempts that have an id.
    by_id: Sorted<Known>,
    names: NameTable,
}

/// Compares the content only: the numbers of names depend on the order of arrival.
impl PartialEq for Attempts {
    fn eq(&self, other: &Self) -> bool {
        self.newest_first().eq(other.newest_first()) && self.by_id == other.by_id
    }
}

impl Eq for Attempts {}

/// The views for which old attempts are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Rolling accuracy, overall and by skill.
    Rolling,
    /// Rolling accuracy, and the standing in each course.
    InCourses,
}

/// Counts newer attempts, overall, by skill and by course.
struct Ranks<SkillId> {
    overall: usize,
    by_skill: BTreeMap<SkillId, usize>,
    by_course: BTreeMap<CourseIndex, usize>,
}

impl<SkillId> Default for Ranks<SkillId> {
    fn default() -> Self {
        let (by_skill, by_course) = (BTreeMap::new(), BTreeMap::new());
        Self {
            overall: 0,
            by_skill,
            by_course,
        }
    }
}

/// Selects the attempts in evicted blocks that views still show. Called for the newest attempt
/// first.
pub struct ShownPast(Ranks<Text>);

/// The time of the attempt with an id. Ordered by hash, and by time where ids share a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Known {
    id_hash: u64,
    newest_ms: i64,
}

impl Attempts {
    /// Event time, other than the event's own, at which adding the event adds or removes a quiz.
    /// Windows count no other attempts.
    pub fn affected_by(&self, arrival: &Arrival<'_>) -> Option<i64> {
        let event = arrival.event;
        let (_, known) = self.with_id(event.attempt_id.as_deref()?)?;
        let leaves = known.place.compare(&arrival.place).is_lt();
        let changes = if leaves {
            known.is_quiz
        } else {
            !known.is_quiz && event.event_type == EventType::QuizSubmitted
        };
        let newest_ms = known.place.timestamp_ms;
        (changes && newest_ms != event.timestamp_ms).then_some(newest_ms)
    }

    /// Adds a scored event. Returns the time of the attempt that it changed: the block of that time
    /// has to be stored again.
    pub fn add(
        &mut self,
        arrival: &Arrival<'_>,
        score_millionths: u32,
        course: CourseSlot,
    ) -> Option<i64> {
        let event = arrival.event;
        let mut is_quiz = event.event_type == EventType::QuizSubmitted;
        let mut changed_ms = None;
        if let Some(known) = event.attempt_id.as_deref().and_then(|id| self.with_id(id)) {
            let (spot, known) = known;
            changed_ms = Some(known.place.timestamp_ms);
            if known.place.compare(&arrival.place).is_gt() {
                if let Some(known) = self.all.at_mut(spot) {
                    known.is_quiz |= is_quiz;
                }
                return changed_ms;
            }
            is_quiz |= known.is_quiz;
            self.take(spot);
        }
        self.insert(Attempt {
            place: arrival.place.to_place(),
            attempt_id: Text::from_option(event.attempt_id.as_deref()),
            object_id: arrival.object_id.map(|id| id.to_text()),
            skill_id: Text::from_option(event.skill_id.as_deref()),
            event_type: event.event_type.clone(),
            score_millionths,
            course,
            is_quiz,
        });
        changed_ms
    }

    /// The attempt with an id.
    pub fn known(&self, id: &str) -> Option<AttemptRef<'_>> {
        Some(self.with_id(id)?.1)
    }

    /// The attempts whose newest event is in `[from_ms, to_ms)`, oldest first.
    pub fn between(&self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = AttemptRef<'_>> {
        let from = self
            .all
            .first_not(|attempt| attempt.place.timestamp_ms < from_ms);
        self.all
            .iter_from(from)
            .take_while(move |attempt| attempt.place.timestamp_ms < to_ms)
            .map(|attempt| attempt.with_names(&self.names))
    }

    /// All attempts, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = AttemptRef<'_>> {
        let newest_first = self.all.iter().rev();
        newest_first.map(|attempt| attempt.with_names(&self.names))
    }

    /// Removes attempts before the floor, except those that rolling accuracy needs, overall or for
    /// their skill.
    pub fn prune(&mut self, floor_ms: i64) {
        self.forget(|time_ms| time_ms < floor_ms, Shown::Rolling);
    }

    /// Removes attempts at the given times, except those that `shown` needs.
    pub fn forget(&mut self, forgettable: impl Fn(i64) -> bool, shown: Shown) {
        if self.all.len() <= ROLLING_LONG {
            return;
        }
        let mut ranks = Ranks::<&Text>::default();
        let (mut goes, mut known_gone) = (Vec::with_capacity(self.all.len()), Vec::new());
        for attempt in self.newest_first() {
            let is_needed = ranks.needs(attempt.skill_id, attempt.course, shown);
            goes.push(!is_needed && forgettable(attempt.place.timestamp_ms));
            if goes.last() == Some(&true) {
                known_gone.extend(attempt.attempt_id.map(|id| Known::of(id, attempt.place)));
            }
        }
        if !goes.contains(&true) {
            return;
        }
        let mut goes = goes.into_iter().rev();
        self.all.retain(|_| goes.next() == Some(false));
        known_gone.sort_unstable();
        self.by_id
            .retain(|known| known_gone.binary_search(known).is_err());
        self.compact();
        if self.names.len() > self.all.len() + NAMES_SPARE {
            self.gather_names();
        }
    }

    /// Rebuilds the name table without unused names.
    fn gather_names(&mut self) {
        let names = std::mem::take(&mut self.names);
        self.all.retain(|attempt| {
            attempt.move_names(&names, &mut self.names);
            true
        });
    }

    /// What the attempts count that views show, bytes. Courses show none before the floor.
    pub fn kept_bytes(&self, floor_ms: i64) -> usize {
        let mut ranks = Ranks::<&Text>::default();
        let shown = self.newest_first().filter(|attempt| {
            let shown = match attempt.place.timestamp_ms < floor_ms {
                true => Shown::Rolling,
                false => Shown::InCourses,
            };
            ranks.needs(attempt.skill_id, attempt.course, shown)
        });
        shown.map(|attempt| attempt.kept_bytes()).sum()
    }

    /// Heap memory, bytes.
    pub fn heap_bytes(&self) -> usize {
        let each = self.all.iter().map(CompactAttempt::heap_bytes);
        self.all.heap_bytes()
            + self.by_id.heap_bytes()
            + self.names.heap_bytes()
            + each.sum::<usize>()
    }

    /// Appends the stored form of the attempts outside a span. Times are relative to `base_ms`.
    pub fn put_outside(&self, out: &mut Vec<u8>, base_ms: i64, span_ms: &Range<i64>) {
        let before = self.between(i64::MIN, span_ms.start);
        let after = self.between(span_ms.end, i64::MAX);
        put_all(&before.chain(after).collect::<Vec<_>>(), out, base_ms);
    }

    /// Appends the stored form of the attempts in a span, see [`Self::put_outside`].
    pub fn put_between(&self, out: &mut Vec<u8>, base_ms: i64, span_ms: &Range<i64>) {
        let between = self.between(span_ms.start, span_ms.end);
        put_all(&between.collect::<Vec<_>>(), out, base_ms);
    }

    /// Adds attempts from their stored form. Attempts that are in the list already stay unchanged.
    pub fn read(&mut self, from: &mut Reader<'_>, base_ms: i64) -> Option<()> {
        let mut before_ms = base_ms;
        for _ in 0..from.size()? {
            let attempt = Attempt::read(from, before_ms)?;
            before_ms = attempt.place.timestamp_ms;
            self.take_in(attempt);
        }
        Some(())
    }

    /// Reads the attempts of an evicted block. Adds only those that views show, and returns the
    /// hashes of all ids.
    pub fn read_past(
        &mut self,
        from: &mut Reader<'_>,
        base_ms: i64,
        shown: &mut ShownPast,
    ) -> Option<Vec<IdHash>> {
        let mut before_ms = base_ms;
        let (mut read, mut ids) = (Vec::new(), Vec::new());
        for _ in 0..from.size()? {
            let attempt = Attempt::read(from, before_ms)?;
            before_ms = attempt.place.timestamp_ms;
            ids.extend(attempt.attempt_id.as_ref().map(IdHash::of_text));
            read.push(attempt);
        }
        for attempt in read.into_iter().rev() {
            if shown.needs(attempt.skill_id.as_ref(), attempt.course) {
                self.take_in(attempt);
            }
        }
        Some(ids)
    }

    /// Adds a stored attempt, unless it is in the list already.
    fn take_in(&mut self, attempt: Attempt) {
        if let Err(spot) = self.all.search_end(|it| it.place.cmp(&attempt.place)) {
            self.insert_at(spot, attempt);
        }
    }

    /// Releases unused memory.
    pub fn compact(&mut self) {
        self.all.compact();
        self.by_id.compact();
    }

    /// Adds an attempt that is not in the list.
    pub fn insert(&mut self, attempt: Attempt) {
        let place = &attempt.place;
        let (Ok(spot) | Err(spot)) = self.all.search_end(|other| other.place.cmp(place));
        self.insert_at(spot, attempt);
    }

    /// Adds an attempt at a known position.
    fn insert_at(&mut self, spot: Spot, attempt: Attempt) {
        if let Some(id) = &attempt.attempt_id {
            let known = Known::of(id, &attempt.place);
            let (Ok(spot) | Err(spot)) = self.by_id.search(|other| other.cmp(&known));
            self.by_id.insert(spot, known);
        }
        self.all.insert(spot, attempt.compact(&mut self.names));
        // Replaced attempts leave unused names behind.
        if self.names.len() > NAMES_PER_ATTEMPT * self.all.len() + NAMES_LEAST {
            self.gather_names();
        }
    }

    fn take(&mut self, spot: Spot) {
        let attempt = self.all.remove(spot);
        let attempt = attempt.as_ref().map(|it| it.with_names(&self.names));
        let known = attempt.and_then(|it| Some(Known::of(it.attempt_id?, it.place)));
        if let Some(known) = known
            && let Ok(spot) = self.by_id.search(|other| other.cmp(&known))
        {
            self.by_id.remove(spot);
        }
    }

    fn with_id(&self, id: &str) -> Option<(Spot, AttemptRef<'_>)> {
        let id_hash = xxh3_64(id.as_bytes());
        let id = TextRef::of(id);
        let from = self.by_id.first_not(|known| known.id_hash < id_hash);
        let same_hash = self.by_id.iter_from(from);
        let same_hash = same_hash.take_while(|known| known.id_hash == id_hash);
        let mut attempts = same_hash
            .flat_map(|known| self.between(known.newest_ms, known.newest_ms.saturating_add(1)));
        let attempt = attempts.find(|it| it.attempt_id.is_some_and(|it| it.is(&id)))?;
        let spot = self.all.search(|it| it.place.cmp(attempt.place)).ok()?;
        Some((spot, attempt))
    }
}

/// Appends attempts, oldest first. Times are relative to `base_ms`.
fn put_all(attempts: &[AttemptRef<'_>], out: &mut Vec<u8>, base_ms: i64) {
    out.put_size(attempts.len());
    let mut before_ms = base_ms;
    for attempt in attempts {
        attempt.put(out, before_ms);
        before_ms = attempt.place.timestamp_ms;
    }
}

impl ShownPast {
    /// Starts with the attempts from a time on, ms, which are newer than the evicted ones.
    pub fn before(attempts: &Attempts, from_ms: i64) -> Self {
        let mut shown = Self(Ranks::default());
        let newest_first = attempts.newest_first();
        let newer = newest_first.take_while(|attempt| attempt.place.timestamp_ms >= from_ms);
        for attempt in newer {
            shown.needs(attempt.skill_id, attempt.course);
        }
        shown
    }

    fn needs(&mut self, skill_id: Option<&Text>, course: CourseSlot) -> bool {
        self.0.needs(skill_id.cloned(), course, Shown::InCourses)
    }
}

impl<SkillId: Ord> Ranks<SkillId> {
    /// Whether views show the attempt. Called for the newest attempt first; attempts that are not
    /// shown may be skipped.
    fn needs(&mut self, skill_id: Option<SkillId>, course: CourseSlot, shown: Shown) -> bool {
        self.overall += 1;
        let mut is_needed = self.overall <= ROLLING_LONG;
        if let Some(skill_id) = skill_id {
            let is_full = self.by_skill.len() >= SKILLS_KEPT && shown == Shown::Rolling;
            match self.by_skill.entry(skill_id) {
                Entry::Vacant(_) if is_full => {}
                of_skill => {
                    let of_skill = of_skill.or_default();
                    *of_skill += 1;
                    is_needed |= *of_skill <= ROLLING_LONG;
                }
            }
        }
        if let (Shown::InCourses, Some(course)) = (shown, course.index()) {
            let in_course = self.by_course.entry(course).or_default();
            *in_course += 1;
            is_needed |= *in_course <= ROLLING_LONG;
        }
        is_needed
    }
}

impl Known {
    fn of(id: &Text, newest: &Place) -> Self {
        Self {
            id_hash: id.hash(),
            newest_ms: newest.timestamp_ms,
        }
    }
}

//! Room: the counted bytes of a learner, and whether one more event fits.
//!
//! Written from "Room" in `docs/MEANING.md`. What is kept is counted from all accepted events each
//! time. Only sums over many events are carried along, so that long files do not take for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::attempt::attempts_of;
use super::event::NaiveEvent;
use super::kept::{kept_bytes, text, type_name};
use super::kind::{Kind, starts_playback, stops_playback};
use super::pane::{PANE_MS, pane_start};
use super::watched::watched_credits;

const HOUR_MS: i64 = 3_600_000;
const PANE_BYTES_MAX: u64 = 1_048_576;
const HOUR_BYTES_MAX: u64 = 8_388_608;
const ALL_BYTES_MAX: u64 = 67_108_864;
const EVENTS_MAX: u64 = 1_000_000;
const RESIZED_EVENTS_MAX: usize = 4_096;
const METADATA_BYTES: u64 = 1_024;
const EVENTS_BETWEEN_COUNTS: u64 = 16;

/// The log entry that is applied, as far as room depends on it.
#[derive(Debug, Clone, Copy, Default)]
pub struct NaiveEntry {
    /// Distinguishes entries.
    pub number: u64,
    /// The watermark before the entry, ms; without one nothing is a correction.
    pub watermark_ms: Option<i64>,
    /// The start of the retention, ms; without one nothing is forgotten.
    pub floor_ms: Option<i64>,
}

impl NaiveEntry {
    /// From where on events count, ms.
    pub(crate) fn retained_ms(&self) -> i64 {
        self.floor_ms
            .map_or(i64::MIN, |floor_ms| floor_ms - floor_ms.rem_euclid(HOUR_MS))
    }
}

/// The session and the object of a viewing.
pub(crate) type ViewingKey = (Option<String>, Option<String>);

/// Everything counted of one learner.
#[derive(Debug, Default)]
pub(crate) struct NaiveRoom {
    /// All accepted events, in the order of the log.
    events: Vec<Arc<NaiveEvent>>,
    pane_bytes: BTreeMap<i64, u64>,
    /// Bytes and number of events of each hour.
    hours: BTreeMap<i64, (u64, u64)>,
    /// Pane, type and course of all events.
    types: BTreeSet<(i64, String, Option<String>)>,
    /// The events of each viewing and of each attempt.
    viewings: BTreeMap<ViewingKey, Vec<Arc<NaiveEvent>>>,
    attempts: BTreeMap<String, Vec<Arc<NaiveEvent>>>,
    /// Pane and number of the entry that changed it after its end.
    corrections: BTreeSet<(i64, u64)>,
    estimate: u64,
    estimate_at_count: u64,
    accepted_since_count: u64,
    /// From where on events counted when the floor last came to another hour.
    retained_ms: Option<i64>,
    entry: Option<u64>,
    must_count: bool,
}

impl NaiveRoom {
    /// Takes the event, if there is room for it.
    pub(crate) fn take(
        &mut self,
        event: &Arc<NaiveEvent>,
        at: &NaiveEntry,
        bytes_max: u64,
    ) -> bool {
        if self.events.is_empty() {
            self.estimate = event.user_id.len() as u64;
        }
        let is_next_entry = self.entry.replace(at.number) != Some(at.number);
        if is_next_entry && !self.events.is_empty() {
            let before_ms = self.retained_ms.replace(at.retained_ms());
            self.must_count |= before_ms.unwrap_or(i64::MIN) < at.retained_ms();
        }
        if !self.has_room_in_events(event, at) {
            return false;
        }
        let changed_ms = self.changed_besides_its_own(event);
        let added = added_bytes(event) + 32 * changed_ms.len() as u64;
        let exceeds = self.estimate + added > bytes_max;
        if self.must_count || exceeds && self.may_count(bytes_max) {
            self.estimate = kept_bytes(&self.events, self.corrections_within(at), at);
            self.estimate_at_count = self.estimate;
            self.accepted_since_count = 0;
            self.must_count = false;
        }
        if self.estimate + added > bytes_max {
            return false;
        }
        self.estimate += added;
        self.accepted_since_count += 1;
        self.insert(event, at, &changed_ms);
        true
    }

    /// The estimate of what is kept.
    pub(crate) fn estimate(&self) -> u64 {
        self.estimate
    }

    /// What is kept.
    pub(crate) fn kept_bytes(&self, at: &NaiveEntry) -> u64 {
        kept_bytes(&self.events, self.corrections_within(at), at)
    }

    fn corrections_within(&self, at: &NaiveEntry) -> u64 {
        let retained = (at.retained_ms(), 0)..;
        self.corrections.range(retained).count() as u64
    }

    fn may_count(&self, bytes_max: u64) -> bool {
        self.estimate >= self.estimate_at_count + bytes_max / 8
            || self.accepted_since_count >= EVENTS_BETWEEN_COUNTS
    }

    fn has_room_in_events(&self, event: &NaiveEvent, at: &NaiveEntry) -> bool {
        let bytes = event_bytes(event, true);
        let (pane_ms, hour_ms) = places(event);
        let in_pane = self.pane_bytes.get(&pane_ms).copied().unwrap_or(0);
        let in_hour = self.hours.get(&hour_ms).map_or(0, |(bytes, _)| *bytes);
        let retained = || self.hours.range(at.retained_ms()..).map(|(_, sums)| *sums);
        let in_all: u64 = retained().map(|(bytes, _)| bytes).sum();
        let events: u64 = retained().map(|(_, events)| events).sum();
        in_pane + bytes <= PANE_BYTES_MAX
            && in_hour + bytes <= HOUR_BYTES_MAX
            && in_all + bytes <= ALL_BYTES_MAX
            && events < EVENTS_MAX
            && !self.resizes_too_much(event, at)
    }

    /// Whether the event would change the cap of a viewing with too many events.
    fn resizes_too_much(&self, event: &NaiveEvent, at: &NaiveEntry) -> bool {
        let Some(length_ms) = event.length_ms else {
            return false;
        };
        let viewing = self.viewings.get(&viewing_of(event));
        let retained = viewing.into_iter().flatten();
        let retained = retained.filter(|event| event.timestamp_ms >= at.retained_ms());
        let lengths = retained.clone().filter_map(|event| event.length_ms);
        lengths.max().is_none_or(|most_ms| length_ms > most_ms)
            && retained.count() > RESIZED_EVENTS_MAX
    }

    /// The event times, besides its own, whose windows the event changes: those of credits and of
    /// quizzes that are not the same with it.
    fn changed_besides_its_own(&self, event: &Arc<NaiveEvent>) -> BTreeSet<i64> {
        let mut changed_ms = BTreeSet::new();
        let mut compare = |before: &[Arc<NaiveEvent>], sums: fn(&[&NaiveEvent]) -> Sums| {
            let with: Vec<_> = before.iter().chain([event]).cloned().collect();
            let [before, with] = [sums(&sorted(before)), sums(&sorted(&with))];
            let differs =
                |sum: &&(i64, String, i64)| !(before.contains(*sum) && with.contains(*sum));
            let times = before.iter().chain(&with).filter(differs);
            changed_ms.extend(times.map(|(time_ms, ..)| *time_ms));
        };
        if is_playback(event) || event.length_ms.is_some() {
            let before = self.viewings.get(&viewing_of(event));
            compare(before.map_or(&[], Vec::as_slice), credits);
        }
        if let (Some(attempt_id), Some(_)) = (&event.attempt_id, event.score_millionths()) {
            let before = self.attempts.get(attempt_id);
            compare(before.map_or(&[], Vec::as_slice), quizzes);
        }
        changed_ms.remove(&event.timestamp_ms);
        changed_ms
    }

    fn insert(&mut self, event: &Arc<NaiveEvent>, at: &NaiveEntry, changed_ms: &BTreeSet<i64>) {
        let (pane_ms, hour_ms) = places(event);
        let type_in_pane = (pane_ms, event.event_type.clone(), event.course_id.clone());
        let bytes = event_bytes(event, self.types.insert(type_in_pane));
        *self.pane_bytes.entry(pane_ms).or_default() += bytes;
        let hour = self.hours.entry(hour_ms).or_default();
        *hour = (hour.0 + bytes, hour.1 + 1);
        for time_ms in changed_ms.iter().copied().chain([event.timestamp_ms]) {
            let pane_ms = pane_start(time_ms);
            if at.watermark_ms.is_some_and(|it| pane_ms + PANE_MS <= it) {
                self.corrections.insert((pane_ms, at.number));
            }
        }
        if is_of_viewing(event) {
            let viewing = self.viewings.entry(viewing_of(event)).or_default();
            viewing.push(Arc::clone(event));
        }
        if let (Some(attempt_id), Some(_)) = (&event.attempt_id, event.score_millionths()) {
            let attempt = self.attempts.entry(attempt_id.clone()).or_default();
            attempt.push(Arc::clone(event));
        }
        self.events.push(Arc::clone(event));
    }
}

/// Time, id and value of what an event adds to its window.
type Sums = BTreeSet<(i64, String, i64)>;

fn credits(events: &[&NaiveEvent]) -> Sums {
    let credits = watched_credits(events).into_iter();
    let sums = credits.map(|it| {
        (
            it.event.timestamp_ms,
            it.event.event_id.clone(),
            it.video_ms,
        )
    });
    sums.collect()
}

fn quizzes(events: &[&NaiveEvent]) -> Sums {
    let quizzes = attempts_of(events).into_iter().filter(|it| it.is_quiz);
    let sums = quizzes.map(|it| {
        let newest = it.newest;
        (newest.timestamp_ms, newest.event_id.clone(), it.millionths)
    });
    sums.collect()
}

pub(crate) fn sorted(events: &[Arc<NaiveEvent>]) -> Vec<&NaiveEvent> {
    let mut events: Vec<&NaiveEvent> = events.iter().map(|event| &**event).collect();
    events.sort_by(|a, b| a.order().cmp(&b.order()));
    events
}

/// The starts of an event's pane and hour.
fn places(event: &NaiveEvent) -> (i64, i64) {
    let time_ms = event.timestamp_ms;
    (pane_start(time_ms), time_ms - time_ms.rem_euclid(HOUR_MS))
}

fn is_playback(event: &NaiveEvent) -> bool {
    starts_playback(&event.event_type) || stops_playback(&event.event_type)
}

pub(crate) fn is_of_viewing(event: &NaiveEvent) -> bool {
    is_playback(event) || event.watched_ms.is_some() || event.length_ms.is_some()
}

pub(crate) fn viewing_of(event: &NaiveEvent) -> ViewingKey {
    (event.session_id.clone(), event.object_id.clone())
}

/// What an event counts in its pane and hour.
fn event_bytes(event: &NaiveEvent, is_first_of_type: bool) -> u64 {
    let id = event.event_id.len() as u64;
    let object = text(&event.object_id);
    let mut bytes = 16;
    if is_first_of_type {
        bytes += 128 + type_name(event);
    }
    if is_of_viewing(event) {
        bytes += 256 + id + text(&event.session_id) + object;
    }
    if event.score_millionths().is_some() {
        bytes += 256 + id + text(&event.attempt_id) + object + text(&event.skill_id);
    }
    bytes
}

/// What an event adds to the estimate, apart from the times that it changes.
fn added_bytes(event: &NaiveEvent) -> u64 {
    let id = event.event_id.len() as u64;
    let (session, object) = (text(&event.session_id), text(&event.object_id));
    let mut bytes = 640 + text(&event.course_id) + session + 2 * id;
    if event.kind() == Kind::Interaction {
        bytes += 64 + id + session + object + event.source.len() as u64 + type_name(event);
        if !event.metadata.is_empty() {
            bytes += METADATA_BYTES;
        }
    }
    if is_of_viewing(event) {
        bytes += 192 + session + object + 2 * id;
    }
    if event.length_ms.is_some() {
        bytes += 1_024;
    }
    if event.score_millionths().is_some() {
        let texts = text(&event.attempt_id) + object + text(&event.skill_id);
        bytes += 128 + id + texts + type_name(event);
        if event.attempt_id.is_some() {
            bytes += 12_672;
        }
    }
    bytes
}

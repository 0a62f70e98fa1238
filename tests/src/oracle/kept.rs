//! What is kept of a learner beside its events, in counted bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::attempt::attempts_of;
use super::event::NaiveEvent;
use super::kind::{Kind, is_well_known, starts_playback};
use super::room::{NaiveEntry, is_of_viewing, sorted, viewing_of};

const CAP_DEFAULT_MS: i64 = 1_800_000;
const RECENT_MS: i64 = 600_000;
const RING: usize = 10;
const NEWEST_ATTEMPTS: usize = 20;
const SKILLS: usize = 256;

/// The length of an optional text.
pub(crate) fn text(text: &Option<String>) -> u64 {
    text.as_ref().map_or(0, |text| text.len() as u64)
}

/// The length of the name of an event's type, unless it is well-known.
pub(crate) fn type_name(event: &NaiveEvent) -> u64 {
    match is_well_known(&event.event_type) {
        true => 0,
        false => event.event_type.len() as u64,
    }
}

/// What is kept after these events of one learner, in any order, with this number of corrections.
pub(crate) fn kept_bytes(events: &[Arc<NaiveEvent>], corrections: u64, at: &NaiveEntry) -> u64 {
    let events = sorted(events);
    let user = events.first().map_or(0, |event| event.user_id.len() as u64);
    user + 32 * corrections
        + courses(&events)
        + sessions(&events, at.retained_ms())
        + last_interactions(&events)
        + newest_attempts(&events, at.retained_ms())
        + open_viewings(&events, at.retained_ms())
}

fn courses(events: &[&NaiveEvent]) -> u64 {
    let mut enrolments: BTreeMap<&str, u64> = BTreeMap::new();
    for event in events {
        let Some(course_id) = event.course_id.as_deref() else {
            continue;
        };
        let enrolment = enrolments.entry(course_id).or_default();
        if matches!(event.event_type.as_str(), "enrolled" | "unenrolled") {
            *enrolment = event.event_id.len() as u64;
        }
    }
    let bytes = |(course_id, enrolment): (&str, u64)| 512 + course_id.len() as u64 + enrolment;
    enrolments.into_iter().map(bytes).sum()
}

fn sessions(events: &[&NaiveEvent], retained_ms: i64) -> u64 {
    let mut newest: BTreeMap<&str, &NaiveEvent> = BTreeMap::new();
    for event in events {
        if let Some(session_id) = event.session_id.as_deref() {
            newest.insert(session_id, event);
        }
    }
    let present = newest.values().map(|event| event.order()).max();
    let kept = newest
        .into_iter()
        .filter(|(_, event)| event.timestamp_ms >= retained_ms || Some(event.order()) == present);
    kept.map(|(id, event)| 96 + id.len() as u64 + event.event_id.len() as u64)
        .sum()
}

/// Whether a field of the metadata is short enough to be kept.
fn keeps_metadata(event: &NaiveEvent) -> bool {
    let mut fields = event.metadata.iter();
    fields.any(|(name, value)| {
        let length = match value {
            Value::String(text) => text.len(),
            other => other.to_string().len(),
        };
        name.len() + length <= 1_024
    })
}

fn last_interactions(events: &[&NaiveEvent]) -> u64 {
    let newest = events.iter().rev();
    let newest = newest.filter(|event| event.kind() == Kind::Interaction);
    let bytes = |event: &&NaiveEvent| {
        let texts = text(&event.session_id) + text(&event.object_id) + event.source.len() as u64;
        let metadata = if keeps_metadata(event) { 1_024 } else { 0 };
        64 + event.event_id.len() as u64 + texts + type_name(event) + metadata
    };
    newest.take(RING).map(bytes).sum()
}

fn newest_attempts(events: &[&NaiveEvent], retained_ms: i64) -> u64 {
    let mut by_skill: BTreeMap<&str, usize> = BTreeMap::new();
    let mut by_course: BTreeMap<&str, usize> = BTreeMap::new();
    let mut bytes = 0;
    for (place, attempt) in attempts_of(events).iter().rev().enumerate() {
        let newest = attempt.newest;
        let is_retained = newest.timestamp_ms >= retained_ms;
        let mut is_kept = place < NEWEST_ATTEMPTS;
        if let Some(skill_id) = newest.skill_id.as_deref() {
            let may_be_kept =
                is_retained || by_skill.len() < SKILLS || by_skill.contains_key(skill_id);
            let newer = by_skill.entry(skill_id).or_default();
            is_kept |= may_be_kept && *newer < NEWEST_ATTEMPTS;
            *newer += 1;
        }
        if let Some(course_id) = newest.course_id.as_deref() {
            let newer = by_course.entry(course_id).or_default();
            is_kept |= is_retained && *newer < NEWEST_ATTEMPTS;
            *newer += 1;
        }
        if is_kept {
            let texts = text(&newest.attempt_id) + text(&newest.object_id) + text(&newest.skill_id);
            bytes += 128 + newest.event_id.len() as u64 + texts + type_name(newest);
        }
    }
    bytes
}

fn open_viewings(events: &[&NaiveEvent], retained_ms: i64) -> u64 {
    let Some(now_ms) = events.last().map(|event| event.timestamp_ms) else {
        return 0;
    };
    let mut viewings: BTreeMap<_, Vec<&NaiveEvent>> = BTreeMap::new();
    for event in events.iter().filter(|event| is_of_viewing(event)) {
        viewings.entry(viewing_of(event)).or_default().push(event);
    }
    let mut bytes = 0;
    for ((session_id, object_id), events) in viewings {
        let cap_ms = events.iter().filter_map(|event| event.length_ms).max();
        let open_ms = cap_ms.unwrap_or(CAP_DEFAULT_MS).max(RECENT_MS);
        let newest = events.last().expect("a viewing has an event");
        if now_ms - newest.timestamp_ms > open_ms || newest.timestamp_ms < retained_ms {
            continue;
        }
        bytes += 128 + text(&session_id) + text(&object_id) + newest.event_id.len() as u64;
        let starts = events.iter().filter(|event| {
            starts_playback(&event.event_type)
                && now_ms - event.timestamp_ms <= RECENT_MS
                && event.timestamp_ms >= retained_ms
        });
        let starts = starts.map(|event| 64 + event.event_id.len() as u64);
        bytes += starts.sum::<u64>();
    }
    bytes
}

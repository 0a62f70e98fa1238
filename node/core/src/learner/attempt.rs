//! Scored attempts: of the events of one attempt only the newest counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CourseIndex, EventKey};
use crate::{Event, EventType};

/// What rolling accuracy looks back over, attempts.
pub const ROLLING_LONG: usize = 20;
/// What the short rolling accuracy looks back over, attempts.
pub const ROLLING_SHORT: usize = 5;

/// One attempt at something scored, as its newest event tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The id that its events share; an attempt without one has a single event.
    pub attempt_id: Option<Box<str>>,
    /// Type of the newest event.
    pub event_type: EventType,
    /// Score / maximum in millionths.
    pub score_millionths: u32,
    /// Course of the newest event.
    pub course: Option<CourseIndex>,
    /// What was attempted.
    pub object_id: Option<Box<str>>,
    /// What was tested.
    pub skill_id: Option<Box<str>>,
    /// Whether one of its events is a `quiz_submitted`.
    pub is_quiz: bool,
}

/// The attempts of a learner, by their newest events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    by_newest: BTreeMap<EventKey, Attempt>,
    /// Invariant: holds exactly the ids in `by_newest`, each with its key there.
    newest_by_id: BTreeMap<Box<str>, EventKey>,
}

impl Attempts {
    /// Event time, other than the event's own, at which a quiz will come or go when the event is added: windows count no other attempts.
    pub fn affected_by(&self, event: &Event<'_>) -> Option<i64> {
        let newest = self.newest_by_id.get(event.attempt_id.as_deref()?)?;
        let known = self.by_newest.get(newest)?;
        let leaves = *newest < EventKey::of(event);
        let changes = if leaves {
            known.is_quiz
        } else {
            !known.is_quiz && event.event_type == EventType::QuizSubmitted
        };
        (changes && newest.timestamp_ms != event.timestamp_ms).then_some(newest.timestamp_ms)
    }

    /// Adds a scored event.
    pub fn add(&mut self, event: &Event<'_>, score_millionths: u32, course: Option<CourseIndex>) {
        let key = EventKey::of(event);
        let mut attempt = Attempt {
            attempt_id: event.attempt_id.as_deref().map(Into::into),
            event_type: event.event_type.clone(),
            score_millionths,
            course,
            object_id: event.object_id.as_deref().map(Into::into),
            skill_id: event.skill_id.as_deref().map(Into::into),
            is_quiz: event.event_type == EventType::QuizSubmitted,
        };
        if let Some(id) = event.attempt_id.as_deref() {
            if let Some(newest) = self.newest_by_id.get(id).cloned() {
                if key < newest {
                    if let Some(known) = self.by_newest.get_mut(&newest) {
                        known.is_quiz |= attempt.is_quiz;
                    }
                    return;
                }
                let replaced = self.by_newest.remove(&newest);
                attempt.is_quiz |= replaced.is_some_and(|replaced| replaced.is_quiz);
            }
            self.newest_by_id.insert(id.into(), key.clone());
        }
        self.by_newest.insert(key, attempt);
    }

    /// The attempts whose newest event is in `[from_ms, to_ms)`, oldest first.
    pub fn between(&self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = (&EventKey, &Attempt)> {
        let least = EventKey {
            timestamp_ms: from_ms,
            event_id: "".into(),
        };
        self.by_newest
            .range(least..)
            .take_while(move |(key, _)| key.timestamp_ms < to_ms)
    }

    /// All attempts, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = (&EventKey, &Attempt)> {
        self.by_newest.iter().rev()
    }

    /// Forgets attempts before the floor that rolling accuracy does not need, overall or for their skill.
    pub fn prune(&mut self, floor_ms: i64) {
        let mut overall = 0;
        let mut by_skill: BTreeMap<Option<Box<str>>, usize> = BTreeMap::new();
        let mut gone = Vec::new();
        for (key, attempt) in self.by_newest.iter().rev() {
            overall += 1;
            let of_skill = by_skill.entry(attempt.skill_id.clone()).or_default();
            *of_skill += 1;
            let rolling = overall <= ROLLING_LONG
                || (attempt.skill_id.is_some() && *of_skill <= ROLLING_LONG);
            if key.timestamp_ms < floor_ms && !rolling {
                gone.push(key.clone());
            }
        }
        for key in gone {
            let attempt = self.by_newest.remove(&key);
            if let Some(id) = attempt.and_then(|attempt| attempt.attempt_id) {
                self.newest_by_id.remove(&id);
            }
        }
    }
}

impl Serialize for Attempts {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.by_newest.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Attempts {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let by_newest = BTreeMap::<EventKey, Attempt>::deserialize(from)?;
        let newest_by_id = by_newest
            .iter()
            .filter_map(|(key, attempt)| Some((attempt.attempt_id.clone()?, key.clone())))
            .collect();
        Ok(Self {
            by_newest,
            newest_by_id,
        })
    }
}

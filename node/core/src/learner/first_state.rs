//! Learners as the first encoding stored them: only ever read.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;

use super::{
    Hour, Learner,
    attempt::Attempt,
    corrections::Correction,
    course::{CourseIndex, CourseSlot, Membership},
    key::{Arrival, IdHash, Place},
    session::Span,
    text::{Text, TextRef},
    viewing::{Fact, Viewing},
};
use crate::{Event, EventType, Playback};

/// The version of this encoding.
pub const FIRST_VERSION: u8 = 1;

type Id = Box<str>;

#[derive(Deserialize)]
struct FirstHead {
    events: u64,
    last_event_ms: i64,
    courses: Vec<FirstMembership>,
    sessions: BTreeMap<Id, FirstSpan>,
    viewings: BTreeMap<(Option<Id>, Option<Id>), FirstViewing>,
    attempts: BTreeMap<FirstKey, FirstAttempt>,
    last_interactions: Vec<FirstInteraction>,
    corrections: BTreeMap<i64, Vec<FirstCorrection>>,
    pruned_to_ms: i64,
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct FirstKey {
    timestamp_ms: i64,
    event_id: Id,
}

#[derive(Deserialize)]
struct FirstMembership {
    course_id: Id,
    last_event_ms: i64,
    enrolment: Option<(FirstKey, bool)>,
}

#[derive(Deserialize)]
struct FirstSpan {
    first_ms: i64,
    newest: FirstKey,
    newest_is_end: bool,
    events: u64,
}

#[derive(Deserialize)]
struct FirstViewing {
    length_ms: Option<u64>,
    facts: Vec<FirstFact>,
}

#[derive(Deserialize)]
struct FirstFact {
    key: FirstKey,
    playback: Option<Playback>,
    watched_ms: Option<u64>,
    course: Option<CourseIndex>,
}

#[derive(Deserialize)]
struct FirstAttempt {
    attempt_id: Option<Id>,
    event_type: EventType,
    score_millionths: u32,
    course: Option<CourseIndex>,
    object_id: Option<Id>,
    skill_id: Option<Id>,
    is_quiz: bool,
}

#[derive(Deserialize)]
struct FirstInteraction {
    key: FirstKey,
    event_type: EventType,
    source: Id,
    session_id: Option<Id>,
    course_id: Option<Id>,
    object_id: Option<Id>,
    metadata: Vec<(Id, Id)>,
}

#[derive(Deserialize)]
struct FirstCorrection {
    entry_index: u64,
    watermark_ms: i64,
    log_time_ms: i64,
}

#[derive(Deserialize)]
struct FirstHour {
    ids: BTreeMap<(u64, u64), u32>,
    types: Vec<EventType>,
    panes: BTreeMap<u16, FirstPane>,
}

#[derive(Deserialize)]
struct FirstPane {
    first_watermark_ms: i64,
    changed_ms: i64,
    counts: Vec<FirstCount>,
}

#[derive(Deserialize)]
struct FirstCount {
    course: Option<CourseIndex>,
    type_position: u16,
    events: u32,
}

/// A learner without its hours; `None` when the bytes are damaged.
pub fn first_head(user_id: &str, body: &[u8]) -> Option<Learner> {
    let head: FirstHead = postcard::from_bytes(body).ok()?;
    let mut learner = Learner::new(user_id);
    learner.events = head.events;
    learner.last_event_ms = head.last_event_ms;
    learner.pruned_to_ms = head.pruned_to_ms;
    for course in head.courses {
        let enrolment = course
            .enrolment
            .map(|(key, enrolled)| (key.place(), enrolled));
        let course_id = text(&course.course_id);
        let membership = Membership::new(course_id, course.last_event_ms, enrolment);
        learner.courses.push(membership);
    }
    for (id, span) in head.sessions {
        learner.sessions.push(Span {
            session_id: text(&id),
            first_ms: span.first_ms,
            newest: span.newest.place(),
            newest_is_end: span.newest_is_end,
            events: span.events,
        })?;
    }
    for ((session_id, object_id), it) in head.viewings {
        let [session_id, object_id] = [session_id, object_id].map(maybe);
        let mut viewing = Viewing::new(session_id, object_id, it.length_ms);
        for fact in it.facts {
            viewing.push(Fact {
                place: fact.key.place(),
                watched_ms: fact.watched_ms,
                course: CourseSlot::of(fact.course),
                playback: fact.playback,
            })?;
        }
        learner.playbacks.push(viewing)?;
    }
    for (key, attempt) in head.attempts {
        learner.attempts.insert(attempt.after(&key));
    }
    for interaction in head.last_interactions.iter().rev() {
        let course_id = interaction.course_id.as_deref();
        let course = course_id.and_then(|id| learner.courses.index_of(id));
        let event = interaction.event();
        let arrival = Arrival::of(&event);
        let course = CourseSlot::of(course);
        learner.last_interactions.add(&arrival, course);
    }
    for (pane_start_ms, corrections) in head.corrections {
        for it in corrections {
            learner.corrections.push(Correction {
                pane_start_ms,
                entry_index: it.entry_index,
                watermark_ms: it.watermark_ms,
                log_time_ms: it.log_time_ms,
            })?;
        }
    }
    Some(learner)
}

/// An hour; `None` when the bytes are damaged.
pub fn first_hour(body: &[u8]) -> Option<Hour> {
    let hour: FirstHour = postcard::from_bytes(body).ok()?;
    let claims = hour.ids.into_iter().map(|((high, low), content)| {
        let hash = u128::from(high) << 64 | u128::from(low);
        (IdHash(hash.to_be_bytes()), content)
    });
    let panes = hour.panes.into_iter().map(|(position, pane)| {
        let counts = pane.counts.into_iter();
        let counts = counts.map(|count| (count.type_position, count.course, count.events));
        let times = (pane.first_watermark_ms, pane.changed_ms);
        (position, times, counts.collect())
    });
    Some(Hour::from_parts(claims, &hour.types, panes))
}

impl FirstKey {
    fn place(&self) -> Place {
        Place {
            timestamp_ms: self.timestamp_ms,
            event_id: text(&self.event_id),
        }
    }
}

impl FirstAttempt {
    fn after(self, key: &FirstKey) -> Attempt {
        Attempt {
            place: key.place(),
            attempt_id: maybe(self.attempt_id),
            object_id: maybe(self.object_id),
            skill_id: maybe(self.skill_id),
            event_type: self.event_type,
            score_millionths: self.score_millionths,
            course: CourseSlot::of(self.course),
            is_quiz: self.is_quiz,
        }
    }
}

impl FirstInteraction {
    /// The event that it was made from, as far as it tells.
    fn event(&self) -> Event<'_> {
        let metadata = self.metadata.iter();
        let (id, at_ms) = (&*self.key.event_id, self.key.timestamp_ms);
        Event {
            session_id: self.session_id.as_deref().map(Cow::Borrowed),
            object_id: self.object_id.as_deref().map(Cow::Borrowed),
            metadata: metadata
                .map(|(name, value)| (Cow::Borrowed(&**name), Cow::Borrowed(&**value)))
                .collect(),
            ..Event::bare("", id, at_ms, self.event_type.clone(), &*self.source)
        }
    }
}

fn text(text: &str) -> Text {
    TextRef::of(text).to_text()
}

fn maybe(text: Option<Id>) -> Option<Text> {
    Text::of_maybe(text.as_deref())
}

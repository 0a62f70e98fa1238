//! Baseline: the same aggregation in hash maps on one thread, without durability and queries.
//!
//! It counts duplicates, panes by course, active time, attempts, accuracy by skill, watched time,
//! sessions and the last interactions. It has no watermarks, so nothing is late, revised or
//! settled.

mod attempts;
mod viewing;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::time::{Duration, Instant};

use homeroom_proto::v1;
use prost::{DecodeError, Message};
use tokio_util::sync::CancellationToken;

use self::{
    attempts::{Attempt, Attempts, Key},
    viewing::{Fact, Viewing},
};
use super::{Batches, Encoded};

/// Batches generated at once. That time is not measured.
const AHEAD: usize = 64;
/// Ends the baseline. Bounds its memory, which grows with each event.
const EVENTS_MAX: u64 = 2_000_000;
const PANE_MS: i64 = 5_000;
const LISTED: usize = 10;

/// All learners.
#[derive(Default)]
pub(super) struct InMemory {
    learners: HashMap<String, Learner>,
}

#[derive(Default)]
struct Learner {
    /// Ids of all events so far.
    seen: HashSet<String>,
    /// By index of the pane, and course.
    panes: BTreeMap<(i64, String), Pane>,
    sessions: HashMap<String, Sitting>,
    /// The newest interactions, newest first: time and id.
    last: Vec<Key>,
    attempts: Attempts,
    /// By session and object.
    viewings: HashMap<(String, String), Viewing>,
}

#[derive(Default)]
struct Pane {
    events: u64,
    clicks: u64,
    is_active: bool,
    quizzes: u64,
    /// Sum of score / maximum of the quizzes, in millionths.
    score_sum: u64,
    video_ms: i64,
}

struct Sitting {
    start_ms: i64,
    last_ms: i64,
    events: u64,
}

impl InMemory {
    /// Applies an encoded request; returns how many of its events are new.
    pub(super) fn apply(&mut self, bytes: &[u8]) -> Result<u64, DecodeError> {
        let request = v1::PublishRequest::decode(bytes)?;
        let mut new = 0;
        for event in request.events {
            let mut event = v1::Event::decode(event)?;
            let user_id = std::mem::take(&mut event.user_id);
            new += u64::from(self.learners.entry(user_id).or_default().apply(event));
        }
        Ok(new)
    }
}

impl Learner {
    fn apply(&mut self, event: v1::Event) -> bool {
        if self.seen.contains(&event.event_id) {
            return false;
        }
        let at = event.timestamp.unwrap_or_default();
        let at_ms = at.seconds * 1_000 + i64::from(at.nanos) / 1_000_000;
        self.seen.insert(event.event_id.clone());
        let key = (at_ms, event.event_id.clone());
        self.sit(at_ms, &event.session_id);
        self.pane(at_ms, &event.course_id).count(&event);
        match score_of(&event) {
            Some(score) => self.attempt(key.clone(), score, &event),
            None if !is_state(&event.event_type) => self.list(key.clone()),
            None => {}
        }
        self.watch(key, &event);
        true
    }

    fn pane(&mut self, at_ms: i64, course_id: &str) -> &mut Pane {
        let place = (at_ms.div_euclid(PANE_MS), course_id.to_owned());
        self.panes.entry(place).or_default()
    }

    fn sit(&mut self, at_ms: i64, session_id: &str) {
        let sitting = self.sessions.entry(session_id.to_owned());
        let sitting = sitting.or_insert(Sitting {
            start_ms: at_ms,
            last_ms: at_ms,
            events: 0,
        });
        sitting.start_ms = sitting.start_ms.min(at_ms);
        sitting.last_ms = sitting.last_ms.max(at_ms);
        sitting.events += 1;
    }

    fn list(&mut self, key: Key) {
        let place = self.last.partition_point(|other| *other > key);
        if place < LISTED {
            self.last.insert(place, key);
            self.last.truncate(LISTED);
        }
    }

    fn attempt(&mut self, newest: Key, score: u64, event: &v1::Event) {
        let attempt = Attempt {
            newest,
            score,
            course_id: event.course_id.clone(),
            skill_id: event.skill_id.clone(),
            is_quiz: event.event_type == "quiz_submitted",
        };
        let (before, now) = self.attempts.add(event.attempt_id.clone(), attempt);
        if let Some(before) = before.filter(|before| before.is_quiz) {
            let pane = self.pane(before.newest.0, &before.course_id);
            pane.quizzes -= 1;
            pane.score_sum -= before.score;
        }
        if now.is_quiz {
            let pane = self.pane(now.newest.0, &now.course_id);
            pane.quizzes += 1;
            pane.score_sum += now.score;
        }
    }

    fn watch(&mut self, key: Key, event: &v1::Event) {
        let is_start = match event.event_type.as_str() {
            "video_played" => Some(true),
            "video_paused" | "video_seeked" | "video_ended" => Some(false),
            _ => None,
        };
        let length_ms = event.length_ms.and_then(|ms| i64::try_from(ms).ok());
        if is_start.is_none() && length_ms.is_none() {
            return;
        }
        let fact = is_start.map(|is_start| Fact {
            is_start,
            course_id: event.course_id.clone(),
        });
        let of = (event.session_id.clone(), event.object_id.clone());
        let viewing = self.viewings.entry(of).or_default();
        for credit in viewing.add(key, fact, length_ms) {
            self.pane(credit.at_ms, &credit.course_id).video_ms += credit.watched_ms;
        }
    }
}

impl Pane {
    fn count(&mut self, event: &v1::Event) {
        self.events += 1;
        self.clicks += u64::from(matches!(event.event_type.as_str(), "page_view" | "click"));
        self.is_active |= !is_state(&event.event_type);
    }
}

fn is_state(event_type: &str) -> bool {
    matches!(
        event_type,
        "session_start" | "session_end" | "enrolled" | "unenrolled"
    )
}

/// Score / maximum, in millionths.
fn score_of(event: &v1::Event) -> Option<u64> {
    let score = match (event.score, event.max_score, event.success) {
        (Some(score), Some(max), _) if max > 0.0 => score / max,
        (_, _, Some(success)) => f64::from(u8::from(success)),
        _ => return None,
    };
    Some((score * 1e6).round() as u64)
}

/// Events a second, without the time that it takes to generate them.
pub(super) fn measure(
    mut batches: Batches,
    time: Duration,
    stop: &CancellationToken,
) -> io::Result<f64> {
    let mut in_memory = InMemory::default();
    let (mut events, mut spent) = (0, Duration::ZERO);
    let begun = Instant::now();
    while begun.elapsed() < time && events < EVENTS_MAX && !stop.is_cancelled() {
        let made: Vec<Encoded> = (0..AHEAD).map(|_| batches.next()).collect();
        let asked = Instant::now();
        for batch in &made {
            in_memory.apply(&batch.bytes).map_err(io::Error::other)?;
            events += batch.events;
        }
        spent += asked.elapsed();
    }
    Ok(events as f64 / spent.as_secs_f64().max(1e-9))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, at_ms: i64, event_type: &str) -> v1::Event {
        v1::Event {
            event_id: id.into(),
            user_id: "ada".into(),
            session_id: "s".into(),
            event_type: event_type.into(),
            timestamp: Some(prost_types::Timestamp {
                seconds: at_ms / 1_000,
                nanos: 0,
            }),
            ..v1::Event::default()
        }
    }

    #[test]
    fn it_counts_what_the_node_counts() {
        let scored = v1::Event {
            score: Some(3.0),
            max_score: Some(4.0),
            ..event("b", 12_000, "quiz_submitted")
        };
        let click = event("a", 14_000, "click");
        let events = [
            click.clone(),
            scored,
            click,
            event("c", 20_000, "video_played"),
            event("d", 25_000, "video_paused"),
        ];
        let request = v1::PublishRequest {
            events: homeroom_proto::encoded(&events),
            raw: None,
        };
        let mut in_memory = InMemory::default();
        let new = in_memory
            .apply(&request.encode_to_vec())
            .expect("a request");
        assert_eq!(new, 4);
        let ada = &in_memory.learners["ada"];
        let pane = &ada.panes[&(2, String::new())];
        assert_eq!((pane.events, pane.clicks, pane.quizzes), (2, 1, 1));
        assert_eq!((pane.score_sum, pane.is_active), (750_000, true));
        assert_eq!(ada.panes[&(5, String::new())].video_ms, 5_000);
        let sitting = &ada.sessions["s"];
        assert_eq!(
            (sitting.start_ms, sitting.last_ms, sitting.events),
            (12_000, 25_000, 4)
        );
        let listed: Vec<&str> = ada.last.iter().map(|(_, id)| id.as_str()).collect();
        assert_eq!(listed, ["d", "c", "a"]);
    }
}

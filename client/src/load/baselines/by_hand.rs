//! The same aggregation as anybody would write it: hash maps in the memory of one thread, nothing durable, nobody to ask.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::time::{Duration, Instant};

use homeroom_proto::v1;
use prost::{DecodeError, Message};
use tokio_util::sync::CancellationToken;

use super::{Batches, Encoded};

/// Batches that are made before the clock starts again.
const AHEAD: usize = 64;
/// What it keeps of each event stays in memory: no more of them, however fast it is.
const EVENTS_MAX: u64 = 2_000_000;
const PANE_MS: i64 = 5_000;
const LISTED: usize = 10;

/// All learners.
#[derive(Default)]
pub(super) struct ByHand {
    learners: HashMap<String, Learner>,
}

#[derive(Default)]
struct Learner {
    /// Ids of all events so far.
    seen: HashSet<String>,
    panes: BTreeMap<i64, Pane>,
    sessions: HashMap<String, Sitting>,
    /// The newest interactions, newest first: time and id.
    last: Vec<(i64, String)>,
}

#[derive(Default)]
struct Pane {
    clicks: u64,
    quizzes: u64,
    videos: u64,
    /// Of score / maximum, in millionths.
    score_sum: u64,
    scores: u64,
    events: u64,
}

struct Sitting {
    start_ms: i64,
    last_ms: i64,
    events: u64,
}

impl ByHand {
    /// Takes an encoded request; returns how many of its events are new.
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
        self.panes
            .entry(at_ms.div_euclid(PANE_MS))
            .or_default()
            .count(&event);
        let sitting = self.sessions.entry(event.session_id).or_insert(Sitting {
            start_ms: at_ms,
            last_ms: at_ms,
            events: 0,
        });
        sitting.start_ms = sitting.start_ms.min(at_ms);
        sitting.last_ms = sitting.last_ms.max(at_ms);
        sitting.events += 1;
        if event.skill_id.is_empty() && event.score.is_none() {
            self.list(at_ms, &event.event_id);
        }
        self.seen.insert(event.event_id);
        true
    }

    fn list(&mut self, at_ms: i64, event_id: &str) {
        let is_newer = |(other_ms, other_id): &(i64, String)| {
            (*other_ms, other_id.as_str()) > (at_ms, event_id)
        };
        let place = self.last.partition_point(is_newer);
        if place < LISTED {
            self.last.insert(place, (at_ms, event_id.to_owned()));
            self.last.truncate(LISTED);
        }
    }
}

impl Pane {
    fn count(&mut self, event: &v1::Event) {
        self.events += 1;
        match event.event_type.as_str() {
            "page_view" | "click" => self.clicks += 1,
            "quiz_submitted" => self.quizzes += 1,
            "video_played" | "video_paused" | "video_seeked" | "video_ended" => self.videos += 1,
            _ => {}
        }
        let score = match (event.score, event.max_score, event.success) {
            (Some(score), Some(max), _) if max > 0.0 => Some(score / max),
            (_, _, Some(success)) => Some(f64::from(u8::from(success))),
            _ => None,
        };
        if let Some(score) = score {
            self.score_sum += (score * 1e6).round() as u64;
            self.scores += 1;
        }
    }
}

/// Events a second. The time in which they were made is left out.
pub(super) fn measure(
    mut batches: Batches,
    time: Duration,
    stop: &CancellationToken,
) -> io::Result<f64> {
    let mut by_hand = ByHand::default();
    let (mut events, mut spent) = (0, Duration::ZERO);
    let begun = Instant::now();
    while begun.elapsed() < time && events < EVENTS_MAX && !stop.is_cancelled() {
        let made: Vec<Encoded> = (0..AHEAD).map(|_| batches.next()).collect();
        let asked = Instant::now();
        for batch in &made {
            by_hand.apply(&batch.bytes).map_err(io::Error::other)?;
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
        ];
        let request = v1::PublishRequest {
            events: homeroom_proto::encoded(&events),
            raw: None,
        };
        let mut by_hand = ByHand::default();
        let new = by_hand.apply(&request.encode_to_vec()).expect("a request");
        assert_eq!(new, 3);
        let ada = &by_hand.learners["ada"];
        let pane = &ada.panes[&2];
        assert_eq!((pane.events, pane.clicks, pane.quizzes), (2, 1, 1));
        assert_eq!((pane.score_sum, pane.scores), (750_000, 1));
        assert_eq!(ada.panes[&4].videos, 1);
        let sitting = &ada.sessions["s"];
        assert_eq!(
            (sitting.start_ms, sitting.last_ms, sitting.events),
            (12_000, 20_000, 3)
        );
        let listed: Vec<&str> = ada.last.iter().map(|(_, id)| id.as_str()).collect();
        assert_eq!(listed, ["c", "a"]);
    }
}

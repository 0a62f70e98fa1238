//! Events that collide often: few ids, few objects, few times, most of them at a boundary.

use std::collections::BTreeMap;

use crate::oracle::NaiveEvent;
use fastrand::Rng;

/// The learners.
pub const USERS: [&str; 3] = ["ada", "bo", "émile"];
/// The courses.
pub const COURSES: [&str; 2] = ["algebra", "biology"];
/// The sources.
pub const SOURCES: [&str; 3] = ["lms", "tool", "video"];

const TYPES: [&str; 18] = [
    "page_view",
    "click",
    "forum_post",
    "video_played",
    "video_played",
    "video_played",
    "video_paused",
    "video_paused",
    "video_seeked",
    "video_ended",
    "quiz_submitted",
    "quiz_submitted",
    "score_updated",
    "question_answered",
    "session_start",
    "session_end",
    "enrolled",
    "unenrolled",
];

/// Times around which events are placed: before 1970, the epoch, a full hour, and a usual day.
const CENTRES_MS: [i64; 4] = [-86_400_000, 0, 1_741_168_800_000, 1_741_170_312_345];

/// The ranges that events are drawn from.
#[derive(Clone, Debug)]
pub struct Unruly {
    centre_ms: i64,
    span_ms: i64,
    /// Number of names of each kind in use. With one name, all events interact.
    names: usize,
    /// Different ids of each learner; `None` gives every event its own.
    ids: Option<u32>,
    drawn: u32,
    salt: u32,
}

impl Unruly {
    /// Events within `span_ms`, every one with an id of its own.
    pub fn new(rng: &mut Rng, span_ms: i64) -> Unruly {
        Unruly {
            centre_ms: CENTRES_MS[rng.usize(..CENTRES_MS.len())],
            span_ms,
            names: rng.usize(1..=3),
            ids: None,
            drawn: 0,
            salt: rng.u32(..),
        }
    }

    /// Draws ids from few, so that they repeat.
    pub fn with_ids(mut self, ids: u32) -> Unruly {
        self.ids = Some(ids);
        self
    }

    /// The newest time that an event may have.
    pub fn end_ms(&self) -> i64 {
        self.centre_ms + self.span_ms
    }

    /// Some events, in any order of their times.
    pub fn events(&mut self, rng: &mut Rng, count: usize) -> Vec<NaiveEvent> {
        (0..count).map(|_| self.event(rng)).collect()
    }

    /// One event.
    pub fn event(&mut self, rng: &mut Rng) -> NaiveEvent {
        let event_type = TYPES[rng.usize(..TYPES.len())];
        let scored = matches!(
            event_type,
            "quiz_submitted" | "score_updated" | "question_answered"
        );
        let by_success = event_type == "question_answered" && rng.bool();
        let max_score = [3.0, 7.0, 10.0][rng.usize(..3)];
        let optional = event_type.ends_with("enrolled") && rng.bool();
        NaiveEvent {
            event_id: self.id(rng),
            user_id: USERS[rng.usize(..self.names)].to_owned(),
            session_id: (!optional).then(|| ["s", "t"][rng.usize(..self.names.min(2))].to_owned()),
            course_id: one_of(rng, &COURSES, 0.7),
            timestamp_ms: self.time_ms(rng),
            event_type: event_type.to_owned(),
            source: SOURCES[rng.usize(..SOURCES.len())].to_owned(),
            object_id: one_of(rng, &["v", "w"][..self.names.min(2)], 0.8),
            attempt_id: one_of(rng, &["x", "y", "z"], if scored { 0.7 } else { 0.1 }),
            skill_id: one_of(rng, &["fractions", "roots"], 0.5),
            producer_sequence: (rng.u8(..) < 20).then(|| rng.u64(..5)),
            score: (scored && !by_success).then(|| f64::from(rng.u32(..=max_score as u32))),
            max_score: (scored && !by_success).then_some(max_score),
            success: by_success.then(|| rng.bool()),
            duration_ms: None,
            watched_ms: (rng.f64() < 0.08).then(|| rng.i64(0..9_000)),
            length_ms: (rng.f64() < 0.12).then(|| [0, 4_000, 20_000, 90_000][rng.usize(..4)]),
            position_ms: None,
            metadata: BTreeMap::new(),
        }
    }

    /// Ids in random order, so that ties at one time are broken either way.
    fn id(&mut self, rng: &mut Rng) -> String {
        self.drawn += 1;
        match self.ids {
            Some(ids) => format!("id-{}", rng.u32(..ids)),
            None => {
                let number = (self.drawn ^ self.salt).wrapping_mul(0x9E37_79B1);
                format!("{number:08x}")
            }
        }
    }

    /// Mostly the edges of panes, and one millisecond to either side.
    fn time_ms(&self, rng: &mut Rng) -> i64 {
        let into_ms = match rng.u32(..4) {
            0 => rng.i64(-self.span_ms..=self.span_ms),
            1 => rng.i64(-self.span_ms..=self.span_ms).div_euclid(60_000) * 60_000,
            2 => rng.i64(-12..=12) * 5_000,
            _ => rng.i64(-self.span_ms..=self.span_ms).div_euclid(5_000) * 5_000,
        };
        let time_ms = self.centre_ms + into_ms + rng.i64(-1..=1);
        time_ms.clamp(self.centre_ms - self.span_ms, self.end_ms())
    }
}

fn one_of(rng: &mut Rng, names: &[&str], chance: f64) -> Option<String> {
    (rng.f64() < chance).then(|| names[rng.usize(..names.len())].to_owned())
}

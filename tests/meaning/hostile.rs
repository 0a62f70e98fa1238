//! Lives of learners that fill their room: long texts, many names, raised lengths, repeated starts.

use std::collections::BTreeMap;

use fastrand::Rng;
use homeroom_tests::oracle::NaiveEvent;

/// A usual day, at a full hour.
pub const START_MS: i64 = 1_741_168_800_000;
const HOUR_MS: i64 = 3_600_000;

/// Names of one kind: how many there are, and how long they are.
#[derive(Clone, Copy, Debug)]
struct Names {
    kind: &'static str,
    count: u32,
    bytes: usize,
}

impl Names {
    fn any(rng: &mut Rng, kind: &'static str) -> Self {
        Self {
            kind,
            count: [1, 2, 25, 400, 100_000][rng.usize(..5)],
            bytes: [8, 8, 60, 300, 1_024][rng.usize(..5)],
        }
    }

    fn draw(self, rng: &mut Rng) -> String {
        let name = format!("{}{}", self.kind, rng.u32(..self.count));
        format!(
            "{name:é<width$}",
            width = self.bytes.saturating_sub(name.len()) / 2 + name.len()
        )
    }

    fn maybe(self, rng: &mut Rng) -> Option<String> {
        (rng.u32(..8) > 0).then(|| self.draw(rng))
    }
}

/// The ranges that a life's events are drawn from.
#[derive(Clone, Debug)]
pub struct Hostile {
    sessions: Names,
    courses: Names,
    objects: Names,
    attempts: Names,
    skills: Names,
    types: Names,
    id_bytes: usize,
    /// Chances out of 10 of: a score, a playback, a type of its own, a change of state.
    kinds: [u32; 4],
    step_ms: i64,
    late_ms: i64,
    now_ms: i64,
    length_ms: i64,
    drawn: u32,
    /// Nothing is named again in another hour, and nothing is delivered again.
    fleeting: bool,
}

impl Hostile {
    pub fn any(rng: &mut Rng) -> Self {
        let kinds = [
            [3, 3, 2, 1],
            [9, 0, 0, 1],
            [0, 9, 1, 0],
            [0, 1, 8, 1],
            [1, 1, 1, 7],
        ];
        Self {
            sessions: Names::any(rng, "s"),
            courses: Names::any(rng, "c"),
            objects: Names::any(rng, "o"),
            attempts: Names::any(rng, "a"),
            skills: Names::any(rng, "k"),
            types: Names::any(rng, "t"),
            id_bytes: [10, 10, 60, 300, 1_024][rng.usize(..5)],
            kinds: kinds[rng.usize(..kinds.len())],
            step_ms: [10, 500, 20_000][rng.usize(..3)],
            late_ms: [1_000, 90_000, 2 * HOUR_MS][rng.usize(..3)],
            now_ms: START_MS + 2 * HOUR_MS,
            length_ms: 0,
            drawn: 0,
            fleeting: false,
        }
    }

    /// A life of many hours whose past can be forgotten: nothing of it goes on later.
    pub fn fleeting(rng: &mut Rng) -> Self {
        let mut life = Self::any(rng);
        for names in [&mut life.sessions, &mut life.objects] {
            names.bytes = names.bytes.min(300);
        }
        life.step_ms = 120_000;
        life.fleeting = true;
        life
    }

    /// Lives whose events name ever other courses, sessions, attempts or videos, and one with long
    /// ids.
    pub fn each_with_many_names() -> Vec<Self> {
        let mut rng = Rng::with_seed(3);
        let few = |kind| Names {
            kind,
            count: 2,
            bytes: 8,
        };
        let many = |kind| Names {
            kind,
            count: 100_000,
            bytes: 300,
        };
        let quiet = Self {
            sessions: few("s"),
            courses: few("c"),
            objects: few("o"),
            attempts: few("a"),
            skills: few("k"),
            types: few("t"),
            id_bytes: 10,
            kinds: [3, 3, 2, 1],
            step_ms: 500,
            late_ms: 1_000,
            ..Self::any(&mut rng)
        };
        let of_kinds = |kinds| Self {
            kinds,
            ..quiet.clone()
        };
        vec![
            Self {
                courses: many("c"),
                ..quiet.clone()
            },
            Self {
                sessions: many("s"),
                ..quiet.clone()
            },
            Self {
                attempts: many("a"),
                skills: many("k"),
                ..of_kinds([9, 0, 0, 1])
            },
            Self {
                objects: many("o"),
                ..of_kinds([0, 9, 1, 0])
            },
            Self {
                step_ms: 1,
                id_bytes: 1_024,
                ..of_kinds([9, 0, 0, 1])
            },
        ]
    }

    /// A click without anything optional, of ada.
    pub fn plain_event(timestamp_ms: i64) -> NaiveEvent {
        NaiveEvent {
            event_id: String::new(),
            user_id: "ada".to_owned(),
            session_id: Some("s".to_owned()),
            course_id: None,
            timestamp_ms,
            event_type: "click".to_owned(),
            source: "lms".to_owned(),
            object_id: None,
            attempt_id: None,
            skill_id: None,
            producer_sequence: None,
            score: None,
            max_score: None,
            success: None,
            duration_ms: None,
            watched_ms: None,
            length_ms: None,
            position_ms: None,
            metadata: BTreeMap::new(),
        }
    }

    /// The newest time so far, ms.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    pub fn events(&mut self, rng: &mut Rng, count: usize) -> Vec<NaiveEvent> {
        let mut events: Vec<NaiveEvent> = Vec::new();
        for _ in 0..count {
            let again = events.len().saturating_sub(20);
            let again = rng
                .choice(&events[again..])
                .filter(|_| rng.u32(..15) == 0 && !self.fleeting);
            let event = again.cloned();
            events.push(event.unwrap_or_else(|| self.event(rng)));
        }
        events
    }

    fn event(&mut self, rng: &mut Rng) -> NaiveEvent {
        self.now_ms += rng.i64(0..self.step_ms);
        self.drawn += 1;
        let late_ms = match rng.u32(..6) {
            0 => rng.i64(0..self.late_ms),
            _ => 0,
        };
        // Ids in any order, so that ties at one time are broken either way.
        let id = format!("{:08x}", self.drawn.wrapping_mul(0x9E37_79B1));
        let event_type = self.event_type(rng);
        let scored = matches!(
            &*event_type,
            "quiz_submitted" | "score_updated" | "question_answered"
        );
        let metadata = BTreeMap::from([("room".to_owned(), "12".into())]);
        let event = NaiveEvent {
            event_id: format!("{id:-<width$}", width = self.id_bytes),
            user_id: if rng.u32(..25) == 0 { "bo" } else { "ada" }.to_owned(),
            session_id: Some(self.sessions.draw(rng)),
            course_id: self.courses.maybe(rng),
            timestamp_ms: self.now_ms - late_ms,
            source: ["lms", "a source with a long name"][rng.usize(..2)].to_owned(),
            object_id: self.objects.maybe(rng),
            attempt_id: self.attempts.maybe(rng),
            skill_id: self.skills.maybe(rng),
            producer_sequence: None,
            score: scored.then_some(5.0),
            max_score: scored.then_some(10.0),
            success: None,
            duration_ms: None,
            watched_ms: (rng.u32(..20) == 0).then_some(4_000),
            length_ms: self.length_ms(rng),
            position_ms: None,
            metadata: if rng.u32(..4) == 0 {
                metadata
            } else {
                BTreeMap::new()
            },
            event_type,
        };
        if self.fleeting {
            return of_its_hour(event);
        }
        event
    }

    fn event_type(&self, rng: &mut Rng) -> String {
        let of = |rng: &mut Rng, names: &[&str]| names[rng.usize(..names.len())].to_owned();
        let [scored, playback, own, state] = self.kinds;
        let drawn = rng.u32(..10);
        if drawn < scored {
            of(
                rng,
                &["quiz_submitted", "score_updated", "question_answered"],
            )
        } else if drawn < scored + playback {
            of(
                rng,
                &[
                    "video_played",
                    "video_played",
                    "video_paused",
                    "video_seeked",
                    "video_ended",
                ],
            )
        } else if drawn < scored + playback + own {
            self.types.draw(rng)
        } else if drawn < scored + playback + own + state {
            of(
                rng,
                &["enrolled", "unenrolled", "session_start", "session_end"],
            )
        } else {
            of(rng, &["click", "page_view"])
        }
    }

    /// Mostly none, else a greater one each time.
    fn length_ms(&mut self, rng: &mut Rng) -> Option<i64> {
        (rng.u32(..6) == 0).then(|| {
            self.length_ms += rng.i64(0..3_000);
            self.length_ms
        })
    }
}

/// The event, without an attempt, in a session and with an object of its hour alone.
fn of_its_hour(event: NaiveEvent) -> NaiveEvent {
    let hour = event.timestamp_ms.div_euclid(HOUR_MS);
    let named = |name: Option<String>| Some(format!("{hour} {}", name.unwrap_or_default()));
    NaiveEvent {
        session_id: named(event.session_id),
        object_id: named(event.object_id),
        attempt_id: None,
        ..event
    }
}

//! Scripted learners, generated from a seed: sessions of browsing, watching and answering.

use std::borrow::Cow;

use fastrand::Rng;
use homeroom_core::{Event, EventType, time::HOUR_MS};

/// Start of all scripts, ms since the epoch.
const BEGIN_MS: i64 = 1_760_000_400_000;
/// Time between two events of a learner within a session, ms.
pub const STEP_MS: i64 = 10_000;
/// Time between the starts of two sessions, ms.
const SESSION_EVERY_MS: i64 = 4 * HOUR_MS;
/// Courses of a learner, one per session.
const COURSES: u64 = 3;

/// The topic of an event.
#[derive(Clone, Copy)]
pub enum Act {
    Browse,
    Watch,
    Answer,
}

/// The events of one learner, in order of time.
pub struct Script {
    user_id: String,
    rng: Rng,
    offset_ms: i64,
    session_events: i64,
    step: i64,
    session_id: String,
    watching: Option<(String, u64)>,
}

impl Script {
    /// The script of the learner with a number. `session_events` is the number of events per
    /// session, `offset_ms` the offset into each step.
    pub fn new(number: usize, session_events: i64, offset_ms: i64) -> Self {
        Self {
            user_id: user_id(number),
            rng: Rng::with_seed(number as u64),
            offset_ms,
            session_events,
            step: 0,
            session_id: String::new(),
            watching: None,
        }
    }

    /// The next event.
    pub fn next_event(&mut self) -> Event<'static> {
        let act = match self.rng.u8(..100) {
            ..50 => Act::Browse,
            50..75 => Act::Watch,
            _ => Act::Answer,
        };
        self.next_of(act)
    }

    /// The next event with a topic, unless it begins or ends a session.
    pub fn next_of(&mut self, act: Act) -> Event<'static> {
        let place = self.step % self.session_events;
        if place == 0 {
            self.session_id = self.uuid();
            self.watching = None;
        }
        let mut event = self.plain();
        if place == 0 {
            event.event_type = EventType::SessionStart;
        } else if place == self.session_events - 1 {
            event.event_type = EventType::SessionEnd;
        } else {
            match act {
                Act::Browse => self.browse(&mut event),
                Act::Watch => self.watch(&mut event),
                Act::Answer => self.answer(&mut event),
            }
        }
        self.step += 1;
        event
    }

    fn plain(&mut self) -> Event<'static> {
        let (session, place) = (
            self.step / self.session_events,
            self.step % self.session_events,
        );
        let course = session.unsigned_abs() % COURSES;
        let at_ms = BEGIN_MS + session * SESSION_EVERY_MS + place * STEP_MS + self.offset_ms;
        let (user_id, event_id) = (self.user_id.clone(), self.uuid());
        Event {
            session_id: Some(self.session_id.clone().into()),
            course_id: Some(format!("course-mathematics-{course}").into()),
            metadata: vec![("userAgent".into(), "Firefox/140 (Linux)".into())],
            ..Event::bare(user_id, event_id, at_ms, EventType::PageView, "lms")
        }
    }

    fn browse(&mut self, event: &mut Event<'static>) {
        let kind = if self.rng.bool() {
            EventType::PageView
        } else {
            EventType::Click
        };
        event.event_type = kind;
        event.object_id = Some(self.object("pages", 400));
    }

    /// A video is started, and later paused or left at another position. Then the next one is
    /// started.
    fn watch(&mut self, event: &mut Event<'static>) {
        event.source = Cow::Borrowed("video");
        event.length_ms = Some(600_000);
        let (object, position_ms) = match self.watching.take() {
            Some((object, position_ms)) => {
                event.event_type = match self.rng.u8(..3) {
                    0 => EventType::VideoPaused,
                    1 => EventType::VideoSeeked,
                    _ => EventType::VideoEnded,
                };
                (object, position_ms + STEP_MS.unsigned_abs())
            }
            None => {
                event.event_type = EventType::VideoPlayed;
                let begun = (
                    self.object("videos", 20).into_owned(),
                    self.rng.u64(..500_000),
                );
                self.watching = Some(begun.clone());
                begun
            }
        };
        event.object_id = Some(object.into());
        event.position_ms = Some(position_ms);
    }

    /// Mostly single questions, sometimes a quiz with an attempt id.
    fn answer(&mut self, event: &mut Event<'static>) {
        event.source = Cow::Borrowed("assessment");
        event.score_millionths = Some(if self.rng.u8(..10) < 7 { 1_000_000 } else { 0 });
        event.skill_id = Some(format!("skill-{:02}", self.rng.u8(..12)).into());
        event.duration_ms = Some(self.rng.u64(2_000..60_000));
        event.object_id = Some(self.object("questions", 200));
        event.event_type = EventType::QuestionAnswered;
        if self.rng.u8(..8) == 0 {
            event.event_type = EventType::QuizSubmitted;
            event.attempt_id = Some(self.uuid().into());
            event.score_millionths = Some(self.rng.u32(..=1_000_000));
        }
    }

    fn object(&mut self, kind: &str, count: u16) -> Cow<'static, str> {
        format!(
            "https://lms.example.org/{kind}/{:05}",
            self.rng.u16(..count)
        )
        .into()
    }

    fn uuid(&mut self) -> String {
        let id = self.rng.u128(..);
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            id >> 96,
            id >> 80 & 0xffff,
            id >> 68 & 0xfff,
            id >> 56 & 0xfff,
            id & 0xffff_ffff_ffff
        )
    }
}

/// The id of the learner with a number.
pub fn user_id(number: usize) -> String {
    format!("s{number:07}@school.example.org")
}

/// The number of the learner with an id.
pub fn number_of(user_id: &str) -> usize {
    user_id[1..8]
        .parse()
        .expect("ids of scripts hold a number of seven digits")
}

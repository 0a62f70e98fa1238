//! Builds the events that sources publish from the acts of learners.

use homeroom_proto::v1;
use prost_types::Timestamp;

use super::{
    COURSE,
    member::{Act, SKILLS, video_length_ms},
};

/// A system that publishes events of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The pages of the course. Publishes quickly.
    Lms,
    /// The quizzes. Publishes with some delay.
    Quiz,
    /// The video player. Collects events before it publishes.
    Video,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Lms, Self::Quiz, Self::Video];

    /// The name that events carry.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lms => "lms",
            Self::Quiz => "quiz",
            Self::Video => "video",
        }
    }

    /// The usual delay from an event to its publication, ms.
    pub(super) fn delay_ms(self) -> std::ops::Range<i64> {
        match self {
            Self::Lms => 20..300,
            Self::Quiz => 200..1_500,
            Self::Video => 800..4_000,
        }
    }

    /// The source that publishes an act.
    pub(super) fn of(act: &Act) -> Self {
        match act {
            Act::Arrive | Act::View(_) | Act::Click(_) | Act::Regrade(..) => Self::Lms,
            Act::Answer { .. } | Act::Submit(..) => Self::Quiz,
            Act::Play(..) | Act::Pause(..) | Act::Seek(..) | Act::End(_) => Self::Video,
        }
    }
}

/// The event of an act at `at_ms` since the epoch; `number` is part of its id.
pub fn of_act(user_id: &str, act: &Act, at_ms: i64, number: u64) -> v1::Event {
    let source = Source::of(act);
    let event = v1::Event {
        event_id: format!("{}-{number}", source.name()),
        user_id: user_id.to_owned(),
        session_id: format!("lesson-{user_id}"),
        course_id: COURSE.to_owned(),
        timestamp: Some(timestamp(at_ms)),
        source: source.name().to_owned(),
        ..v1::Event::default()
    };
    let event_type = |event_type: &str, object_id: String| v1::Event {
        event_type: event_type.to_owned(),
        object_id,
        ..event.clone()
    };
    let scored = |name: &str, quiz: u32, points: u32| v1::Event {
        attempt_id: format!("{user_id}-{quiz}"),
        score: Some(f64::from(points)),
        max_score: Some(10.0),
        ..event_type(name, format!("quiz/{quiz}"))
    };
    match act {
        Act::Arrive => event_type("session_start", String::new()),
        Act::View(page) => event_type("page_view", format!("page/{page}")),
        Act::Click(page) => event_type("click", format!("page/{page}")),
        Act::Play(video, at_ms) => playback(event_type, "video_played", *video, *at_ms),
        Act::Pause(video, at_ms) => playback(event_type, "video_paused", *video, *at_ms),
        Act::Seek(video, at_ms) => playback(event_type, "video_seeked", *video, *at_ms),
        Act::End(video) => playback(event_type, "video_ended", *video, video_length_ms(*video)),
        Act::Answer { skill, item, right } => v1::Event {
            success: Some(*right),
            skill_id: SKILLS[*skill].to_owned(),
            ..event_type("question_answered", format!("{}/{item}", SKILLS[*skill]))
        },
        Act::Submit(quiz, points) => scored("quiz_submitted", *quiz, *points),
        Act::Regrade(quiz, points) => scored("score_updated", *quiz, *points),
    }
}

/// A learner's enrolment, before the lesson.
pub(super) fn enrolled(user_id: &str, at_ms: i64) -> v1::Event {
    v1::Event {
        event_id: format!("enrolled-{user_id}"),
        user_id: user_id.to_owned(),
        course_id: COURSE.to_owned(),
        timestamp: Some(timestamp(at_ms)),
        event_type: "enrolled".to_owned(),
        source: Source::Lms.name().to_owned(),
        ..v1::Event::default()
    }
}

fn playback(
    event_type: impl Fn(&str, String) -> v1::Event,
    name: &str,
    video: usize,
    position_ms: i64,
) -> v1::Event {
    let length_ms = video_length_ms(video);
    v1::Event {
        length_ms: Some(length_ms.unsigned_abs()),
        position_ms: Some(position_ms.clamp(0, length_ms).unsigned_abs()),
        ..event_type(name, format!("video/{video}"))
    }
}

fn timestamp(at_ms: i64) -> Timestamp {
    Timestamp {
        seconds: at_ms.div_euclid(1_000),
        // Below 1,000,000,000, always.
        nanos: (at_ms.rem_euclid(1_000) * 1_000_000) as i32,
    }
}

/// Event time, ms since the epoch.
pub fn event_ms(event: &v1::Event) -> i64 {
    event.timestamp.as_ref().map_or(0, |time| {
        time.seconds * 1_000 + i64::from(time.nanos) / 1_000_000
    })
}

/// Whether a profile lists the event under its own id, among the newest interactions or
/// assessments. A quiz is listed under the id of its newest score, which may be another event.
pub fn is_listed(event: &v1::Event) -> bool {
    !matches!(
        event.event_type.as_str(),
        "session_start" | "enrolled" | "quiz_submitted" | "score_updated"
    )
}

/// Whether the event is the answer to an item.
pub fn is_answer(event: &v1::Event) -> bool {
    event.event_type == "question_answered"
}

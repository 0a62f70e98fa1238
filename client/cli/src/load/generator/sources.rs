//! The events of each source.

use fastrand::Rng;
use homeroom_proto::v1;

use super::{Source, text::numbered};

const PAGES: u32 = 400;
const VIDEOS: u32 = 120;
const QUESTIONS: u32 = 800;
const QUIZZES: u32 = 60;
const SKILLS: u32 = 24;
const POINTS_MAX: u32 = 10;
/// Objects of each kind that a learner uses.
const OWN: u32 = 4;

/// An attempt at a quiz whose score may still change.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    learner: u32,
    attempt_id: String,
    object_id: String,
}

/// The effect of an event on the known attempts.
pub(super) enum Scored {
    /// A new attempt.
    New(Attempt),
    /// A new score for an earlier attempt of this learner.
    Changed(u32),
}

pub(super) fn lms(event: &mut v1::Event, learner: u32, rng: &mut Rng) {
    match rng.u32(..100) {
        0..3 => "session_start".clone_into(&mut event.event_type),
        3..6 => "session_end".clone_into(&mut event.event_type),
        _ => page(event, learner, rng),
    }
}

fn page(event: &mut v1::Event, learner: u32, rng: &mut Rng) {
    let event_type = if rng.u32(..5) < 3 {
        "page_view"
    } else {
        "click"
    };
    event_type.clone_into(&mut event.event_type);
    event.object_id = numbered("page-", own(learner, rng) % PAGES, 4);
}

pub(super) fn video(event: &mut v1::Event, learner: u32, rng: &mut Rng) {
    let event_type = match rng.u32(..10) {
        0..4 => "video_played",
        4..7 => "video_paused",
        7..9 => "video_seeked",
        _ => "video_ended",
    };
    playback(event, event_type, learner, rng);
}

fn playback(event: &mut v1::Event, event_type: &str, learner: u32, rng: &mut Rng) {
    event_type.clone_into(&mut event.event_type);
    let video = own(learner, rng) % VIDEOS;
    let length_ms = 180_000 + u64::from(video) * 7_000;
    event.object_id = numbered("video-", video, 4);
    event.length_ms = Some(length_ms);
    event.position_ms = Some(match event_type {
        "video_ended" => length_ms,
        _ => rng.u64(..length_ms),
    });
}

/// An event that a profile lists among the last interactions.
pub(super) fn interaction(source: Source, event: &mut v1::Event, learner: u32, rng: &mut Rng) {
    match source {
        Source::Video => playback(event, "video_played", learner, rng),
        Source::Lms | Source::Assessment => page(event, learner, rng),
    }
}

pub(super) fn assessment(
    event: &mut v1::Event,
    learner: u32,
    attempts: &[Attempt],
    rng: &mut Rng,
) -> Option<Scored> {
    match rng.u32(..100) {
        0..80 => {
            answer(event, learner, rng);
            None
        }
        80..95 => Some(Scored::New(submission(event, learner, rng))),
        _ => match rng.choice(attempts) {
            Some(attempt) => {
                "score_updated".clone_into(&mut event.event_type);
                event.attempt_id.clone_from(&attempt.attempt_id);
                event.object_id.clone_from(&attempt.object_id);
                score(event, rng);
                Some(Scored::Changed(attempt.learner))
            }
            None => Some(Scored::New(submission(event, learner, rng))),
        },
    }
}

fn answer(event: &mut v1::Event, learner: u32, rng: &mut Rng) {
    "question_answered".clone_into(&mut event.event_type);
    let question = (own(learner, rng) * 7 + rng.u32(..3)) % QUESTIONS;
    event.object_id = numbered("question-", question, 4);
    event.skill_id = numbered("skill-", question % SKILLS, 2);
    event.duration_ms = Some(rng.u64(2_000..60_000));
    match rng.bool() {
        true => event.success = Some(rng.u32(..10) < 7),
        false => score(event, rng),
    }
}

/// An attempt's id is the id of its first event, which is unique.
fn submission(event: &mut v1::Event, learner: u32, rng: &mut Rng) -> Attempt {
    "quiz_submitted".clone_into(&mut event.event_type);
    event.object_id = numbered("quiz-", own(learner, rng) % QUIZZES, 3);
    event.attempt_id.clone_from(&event.event_id);
    score(event, rng);
    Attempt {
        learner,
        attempt_id: event.attempt_id.clone(),
        object_id: event.object_id.clone(),
    }
}

fn score(event: &mut v1::Event, rng: &mut Rng) {
    event.score = Some(f64::from(rng.u32(..=POINTS_MAX)));
    event.max_score = Some(f64::from(POINTS_MAX));
}

/// One of the learner's own objects.
fn own(learner: u32, rng: &mut Rng) -> u32 {
    learner.wrapping_mul(OWN).wrapping_add(rng.u32(..OWN)) & 0xff_ffff
}

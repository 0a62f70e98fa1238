//! Scenes: short runs of events that belong together.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::catalogue::Course;

/// One future event: its payload, and the learner's wait before it.
pub(crate) struct Step {
    /// The wait, in units of the learner's pace.
    pub(crate) paces: f64,
    /// A wait that does not depend on the pace.
    pub(crate) wait_ms: i64,
    /// Whether another person acts (a teacher corrects); the learner does not wait for it.
    pub(crate) aside: bool,
    /// The event, without learner, time, source and id.
    pub(crate) payload: Map<String, Value>,
}

impl Step {
    pub(crate) fn new(paces: f64, payload: Value) -> Step {
        let payload = match payload {
            Value::Object(payload) => payload,
            _ => Map::new(),
        };
        Step {
            paces,
            wait_ms: 0,
            aside: false,
            payload,
        }
    }
}

/// Reading and clicking about.
pub(crate) fn browse(course: &Course, rng: &mut Rng) -> Vec<Step> {
    let mut steps = Vec::new();
    for _ in 0..rng.u32(2..7) {
        let page = course.some_page(rng);
        let event_type = match rng.u32(..100) {
            0..50 => "page_view",
            50..90 => "click",
            90..97 => "forum_post",
            _ => "search",
        };
        steps.push(Step::new(
            rng.f64() * 1.6,
            json!({"eventType": event_type, "objectId": page, "device": "tablet"}),
        ));
        if event_type == "click" && rng.f64() < 0.05 {
            // A double click: the same millisecond, only the ids differ.
            steps.push(Step::new(
                0.0,
                json!({"eventType": "click", "objectId": page, "durationMs": 3}),
            ));
        }
    }
    steps
}

/// Watching a video in pieces.
pub(crate) fn watch(course: &Course, rng: &mut Rng) -> Vec<Step> {
    let video = course.some_video(rng);
    let mut position_ms = 0;
    let mut steps = Vec::new();
    for piece in 0..rng.u32(1..5) {
        let mut played =
            json!({"eventType": "video_played", "objectId": video.id, "positionMs": position_ms});
        if rng.f64() < 0.8 {
            played["lengthMs"] = video.length_ms.into();
        }
        steps.push(Step::new(0.3 + rng.f64(), played));
        if piece > 0 && rng.f64() < 0.1 {
            // The tab is closed: no event reports the stop.
            break;
        }
        position_ms = rng.i64(position_ms / 2..=video.length_ms);
        let stop = ["video_paused", "video_seeked", "video_paused"][rng.usize(..3)];
        let mut stopped =
            json!({"eventType": stop, "objectId": video.id, "positionMs": position_ms});
        if rng.f64() < 0.04 {
            stopped["watchedMs"] = rng.i64(0..60_000).into();
        }
        let mut step = Step::new(0.5 + rng.f64() * 3.0, stopped);
        if rng.f64() < 0.01 {
            // Left running for longer than any video, so that the cap applies.
            step.wait_ms = rng.i64(900_000..2_400_000);
        }
        steps.push(step);
    }
    if rng.f64() < 0.5 {
        steps.push(Step::new(
            rng.f64(),
            json!({"eventType": "video_ended", "objectId": video.id, "lengthMs": video.length_ms}),
        ));
    }
    steps
}

/// A quiz: its questions, its result, sometimes a correction.
pub(crate) fn quiz(course: &Course, rng: &mut Rng) -> Vec<Step> {
    let quiz = course.some_quiz(rng);
    let attempt = format!("attempt-{:016x}", rng.u64(..));
    let mut steps = Vec::new();
    for number in 0..rng.u32(2..6) {
        let mut answer = json!({
            "eventType": "question_answered", "objectId": format!("{quiz}/question-{number}"),
            "skillId": course.some_skill(rng), "durationMs": rng.u32(2_000..90_000),
        });
        if rng.f64() < 0.3 {
            answer["success"] = rng.bool().into();
        } else {
            score(&mut answer, rng);
        }
        if rng.f64() < 0.03 {
            // Some tools report the question under the quiz's own attempt.
            answer["attemptId"] = attempt.clone().into();
        }
        steps.push(Step::new(0.4 + rng.f64(), answer));
    }
    let result = |event_type: &str, rng: &mut Rng| {
        let mut result = json!({"eventType": event_type, "objectId": quiz, "attemptId": attempt});
        score(&mut result, rng);
        result
    };
    if rng.f64() < 0.97 {
        steps.push(Step::new(0.3 + rng.f64(), result("quiz_submitted", rng)));
    }
    if rng.f64() < 0.05 {
        steps.push(Step::new(0.3 + rng.f64(), result("quiz_submitted", rng)));
    }
    if rng.f64() < 0.25 {
        let correction = Step::new(0.0, result("score_updated", rng));
        steps.push(Step {
            wait_ms: rng.i64(60_000..1_200_000),
            aside: true,
            ..correction
        });
    }
    steps
}

/// Points of a usual scale, sometimes with a half.
fn score(payload: &mut Value, rng: &mut Rng) {
    let max = [7, 10, 20, 100][rng.usize(..4)];
    let points = rng.u32(..=max);
    let half = if points < max && rng.f64() < 0.2 {
        0.5
    } else {
        0.0
    };
    payload["maxScore"] = max.into();
    payload["score"] = if half > 0.0 {
        (f64::from(points) + half).into()
    } else {
        points.into()
    };
}

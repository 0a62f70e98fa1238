//! Lines that must be refused, of every kind.

use fastrand::Rng;
use serde_json::{Map, Value};

use super::line::render;

/// Ways to break a field. The model decides which reason each gives.
const WAYS: [fn(&mut Map<String, Value>); 15] = [
    |event| remove(event, "userId"),
    |event| remove(event, "eventType"),
    |event| remove(event, "source"),
    |event| remove(event, "timestamp"),
    |event| set(event, "userId", "".into()),
    |event| set(event, "userId", 42.into()),
    |event| set(event, "courseId", Value::Array(Vec::new())),
    |event| set(event, "success", "yes".into()),
    |event| set(event, "timestamp", "yesterday".into()),
    |event| set(event, "timestamp", "2025-02-30T10:00:00Z".into()),
    |event| set(event, "timestamp", 1_741_161_600_000_i64.into()),
    |event| set(event, "timestamp", "2999-01-01T00:00:00Z".into()),
    |event| set(event, "lengthMs", (-5).into()),
    |event| points(event, 21.into(), 20.into()),
    |event| points(event, 0.into(), 0.into()),
];

/// A broken line, made from a valid event.
pub(crate) fn broken_line(mut event: Map<String, Value>, rng: &mut Rng) -> String {
    match rng.usize(..WAYS.len() + 4) {
        way if way < WAYS.len() => {
            WAYS[way](&mut event);
            render(&event)
        }
        way if way == WAYS.len() => format!("[{}]", render(&event)),
        // Large lines would swell the file, so most of their turns go to the next way.
        way if way == WAYS.len() + 1 && rng.u32(..4) == 0 => {
            set(&mut event, "essay", "x".repeat(66_000).into());
            render(&event)
        }
        _ => truncated(render(&event), rng),
    }
}

fn truncated(mut line: String, rng: &mut Rng) -> String {
    let mut end = rng.usize(1..line.len());
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.truncate(end);
    line
}

fn remove(event: &mut Map<String, Value>, name: &str) {
    event.remove(name);
}

fn set(event: &mut Map<String, Value>, name: &str, value: Value) {
    event.insert(name.into(), value);
}

fn points(event: &mut Map<String, Value>, score: Value, max_score: Value) {
    set(event, "eventType", "quiz_submitted".into());
    set(event, "score", score);
    set(event, "maxScore", max_score);
}

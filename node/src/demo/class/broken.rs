//! Events that a source gets wrong, one way after the other: each becomes a dead letter with another reason.

use serde_json::{Value, json};

use super::{COURSE, events::Source};

/// In how many ways an event can be wrong.
pub(super) const WAYS: u64 = 8;
/// What a node takes of one event is less than this, bytes.
const TOO_MANY_BYTES: usize = 70_000;
const HOUR_MS: i64 = 3_600_000;

/// The broken event with this number, as JSON (or what should be JSON), happening at `at_ms` since the epoch.
pub(super) fn payload(number: u64, user_id: &str, at_ms: i64) -> Vec<u8> {
    let mut event = json!({
        "eventId": format!("broken-{number}"),
        "userId": user_id,
        "sessionId": format!("lesson-{user_id}"),
        "courseId": COURSE,
        "timestamp": rfc3339(at_ms),
        "eventType": "click",
        "source": source(number).name(),
    });
    match number % WAYS {
        0 => drop(
            event
                .as_object_mut()
                .map(|fields| fields.remove("sessionId")),
        ),
        1 => event["timestamp"] = json!("half past ten"),
        2 => {
            event["eventType"] = json!("quiz_submitted");
            event["score"] = json!(12);
            event["maxScore"] = json!(10);
        }
        3 => {
            // What a sender leaves that dies while it writes.
            let mut text = event.to_string().into_bytes();
            text.truncate(text.len() / 2);
            return text;
        }
        4 => event["userId"] = json!({"name": user_id}),
        5 => event["timestamp"] = json!(rfc3339(at_ms + 2 * HOUR_MS)),
        6 => event["timestamp"] = json!(rfc3339(at_ms - 49 * HOUR_MS)),
        _ => event["metadata"] = json!({"screenshot": Value::from("A".repeat(TOO_MANY_BYTES))}),
    }
    event.to_string().into_bytes()
}

/// Who sends it.
pub(super) fn source(number: u64) -> Source {
    let index = usize::try_from(number % 3).unwrap_or(0);
    Source::ALL[index]
}

fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| String::new(), |time| time.to_string())
}

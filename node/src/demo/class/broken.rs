//! Broken events of the sources: each way of being broken leads to a dead letter with another
//! reason.

use serde_json::{Value, json};

use super::{COURSE, events::Source};

/// The number of ways in which an event is broken.
pub(super) const WAYS: u64 = 8;
/// More bytes than a node accepts for one event.
const TOO_MANY_BYTES: usize = 70_000;
const HOUR_MS: i64 = 3_600_000;

/// The broken event with this number, as JSON (possibly malformed), at `at_ms` since the epoch.
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
            // The text of a sender that crashed while writing.
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

/// The source that sends it.
pub(super) fn source(number: u64) -> Source {
    let index = usize::try_from(number % 3).unwrap_or(0);
    Source::ALL[index]
}

fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| String::new(), |time| time.to_string())
}

//! Turns an event into its line, in the spelling of its source.

use serde_json::{Map, Value};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

const SPELLINGS: [(&str, &str); 6] = [
    ("eventId", "event_id"),
    ("userId", "user_id"),
    ("sessionId", "session_id"),
    ("courseId", "course_id"),
    ("eventType", "event_type"),
    ("maxScore", "max_score"),
];
const SPELLINGS_IN_SECONDS: [(&str, &str); 2] =
    [("watchedMs", "watched_s"), ("positionMs", "position")];

/// The source that reports a type.
pub(crate) fn source_of(event_type: &str) -> &'static str {
    match event_type {
        "quiz_submitted" | "score_updated" | "question_answered" => "assessment",
        _ if event_type.starts_with("video_") => "video",
        _ => "lms",
    }
}

/// Sources write time differently: one in local time, one finer than a millisecond.
pub(crate) fn timestamp_text(source: &str, at_ms: i64, below_ms_ns: i128) -> String {
    let below_ms_ns = if source == "video" { below_ms_ns } else { 0 };
    let offset = if source == "assessment" {
        UtcOffset::from_hms(1, 0, 0)
    } else {
        Ok(UtcOffset::UTC)
    };
    let moment =
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ms) * 1_000_000 + below_ms_ns);
    let text = moment
        .ok()
        .zip(offset.ok())
        .and_then(|(moment, offset)| moment.to_offset(offset).format(&Rfc3339).ok());
    text.unwrap_or_default()
}

/// Renames the fields that have a second spelling.
pub(crate) fn respell(event: &mut Map<String, Value>) {
    for (name, alias) in SPELLINGS {
        if let Some(value) = event.remove(name) {
            event.insert(alias.into(), value);
        }
    }
    for (name, alias) in SPELLINGS_IN_SECONDS {
        if let Some(time_ms) = event.remove(name).as_ref().and_then(Value::as_i64) {
            event.insert(alias.into(), (time_ms as f64 / 1_000.0).into());
        }
    }
}

/// The line.
pub(crate) fn render(event: &Map<String, Value>) -> String {
    serde_json::to_string(event).unwrap_or_default()
}

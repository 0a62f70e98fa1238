//! Native JSON lines.

use serde_json::{Map, Value};

use super::draft::Draft;
use super::event::NaiveEvent;
use super::fields::Fields;
use super::reason::{Reason, Refusal};
use super::settings::Settings;

/// The largest event, in bytes as received.
const SIZE_MAX_BYTES: usize = 64 * 1024;

/// Reads one native event, or returns why it is refused.
pub fn parse_native(line: &[u8], settings: &Settings) -> Result<NaiveEvent, Refusal> {
    let object = parse_object(line)?;
    let source = text_of(&object, "source");
    draft(object)
        .and_then(|draft| draft.finish(settings))
        .map_err(|reason| Refusal { reason, source })
}

/// The checks that need no field: size, JSON, an object.
pub(crate) fn parse_object(line: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let value: Option<Value> = serde_json::from_slice(line).ok();
    if line.len() > SIZE_MAX_BYTES {
        let source = value
            .as_ref()
            .and_then(Value::as_object)
            .and_then(|object| text_of(object, "source"));
        return Err(Refusal {
            reason: Reason::Oversized,
            source,
        });
    }
    let value = value.ok_or(Refusal {
        reason: Reason::Malformed,
        source: None,
    })?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(Refusal {
            reason: Reason::SchemaMismatch,
            source: None,
        }),
    }
}

fn text_of(object: &Map<String, Value>, name: &str) -> Option<String> {
    object
        .get(name)?
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn draft(object: Map<String, Value>) -> Result<Draft, Reason> {
    let mut fields = Fields::of(object);
    let mut draft = Draft {
        event_id: fields.text(&["eventId", "event_id"])?,
        user_id: fields.text(&["userId", "user_id"])?,
        session_id: fields.text(&["sessionId", "session_id"])?,
        course_id: fields.text(&["courseId", "course_id"])?,
        timestamp: fields.value(&["timestamp"]),
        event_type: fields.text(&["eventType", "event_type"])?,
        source: fields.text(&["source"])?,
        object_id: fields.text(&["objectId"])?,
        attempt_id: fields.text(&["attemptId"])?,
        skill_id: fields.text(&["skillId"])?,
        producer_sequence: fields.whole("producerSequence")?,
        score: fields.number("score", None)?,
        max_score: max_score(&mut fields)?,
        success: fields.truth("success")?,
        duration_ms: fields.number("durationMs", None)?,
        watched_ms: fields.number("watchedMs", Some("watched_s"))?,
        length_ms: fields.number("lengthMs", None)?,
        position_ms: fields.number("positionMs", Some("position"))?,
        ..Draft::default()
    };
    let stated = fields.object("metadata")?.unwrap_or_default();
    draft.metadata = fields.rest();
    draft.metadata.extend(stated);
    Ok(draft)
}

fn max_score(fields: &mut Fields) -> Result<Option<f64>, Reason> {
    match fields.value(&["maxScore", "max_score"]) {
        None => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or(Reason::SchemaMismatch),
    }
}

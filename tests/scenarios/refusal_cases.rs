//! Payloads that intake must refuse, with the reason and a part of the message.

use homeroom_client::v1::DeadLetterReason::{
    self as Reason, BadTimestamp, FutureTimestamp, Malformed, MissingField, Oversized,
    SchemaMismatch, ValueOutOfRange,
};
use homeroom_client::v1::Event;
use prost_types::Timestamp;
use serde_json::{Value, json};

use crate::harness::events::{HOUR_MS, event, quiz};

/// A payload that must be refused, and how.
pub struct Refused {
    pub payload: Vec<u8>,
    pub reason: Reason,
    /// A part of the message.
    pub detail: &'static str,
    /// Whether the source can be read from it.
    pub is_signed: bool,
}

/// A typed event that must be refused, with the reason and a part of the message.
pub type RefusedEvent = (Event, Reason, &'static str);

/// The source can be read, or is known from the request.
fn signed(reason: Reason, detail: &'static str, payload: impl Into<Vec<u8>>) -> Refused {
    Refused {
        payload: payload.into(),
        reason,
        detail,
        is_signed: true,
    }
}

fn unsigned(reason: Reason, detail: &'static str, payload: impl Into<Vec<u8>>) -> Refused {
    Refused {
        is_signed: false,
        ..signed(reason, detail, payload)
    }
}

/// A sound native event.
pub fn native() -> Value {
    json!({
        "eventId": "1", "userId": "ada", "sessionId": "s", "timestamp": "2025-03-05T08:00:00Z",
        "eventType": "quiz_submitted", "source": "lms", "score": 5, "maxScore": 10,
    })
}

/// A sound statement.
pub fn statement() -> Value {
    json!({
        "id": "5f7b1f9e-0000-4000-8000-000000000001",
        "actor": {"account": {"homePage": "http://example.org", "name": "ada"}},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/passed"},
        "object": {"id": "http://example.org/quiz"},
        "result": {"score": {"raw": 5, "max": 10}},
        "timestamp": "2025-03-05T08:00:00Z",
    })
}

/// Replaces or adds a field; null removes its effect.
fn with(mut whole: Value, name: &str, value: impl Into<Value>) -> String {
    whole[name] = value.into();
    whole.to_string()
}

fn native_with(name: &str, value: impl Into<Value>) -> String {
    with(native(), name, value)
}

fn statement_with(name: &str, value: impl Into<Value>) -> String {
    with(statement(), name, value)
}

fn essay() -> String {
    "x".repeat(66_000)
}

/// Native events.
pub fn native_refusals() -> Vec<Refused> {
    let far = "2999-01-01T00:00:00Z";
    let no_day = "2025-02-30T08:00:00Z";
    let long = "o".repeat(1_025);
    vec![
        signed(Oversized, "at most 65536", native_with("essay", essay())),
        unsigned(Oversized, "at most 65536", essay()),
        unsigned(Malformed, "no JSON", r#"{"userId":"ada","#),
        unsigned(SchemaMismatch, "object", "[1]"),
        signed(SchemaMismatch, "userId must be", native_with("userId", 5)),
        signed(SchemaMismatch, "score must be", native_with("score", "5")),
        signed(
            SchemaMismatch,
            "success must",
            native_with("success", "yes"),
        ),
        signed(SchemaMismatch, "metadata must", native_with("metadata", 1)),
        signed(MissingField, "userId", native_with("userId", Value::Null)),
        signed(MissingField, "userId", native_with("userId", "")),
        signed(MissingField, "sessionId", native_with("sessionId", "")),
        signed(MissingField, "timestamp", native_with("timestamp", "")),
        signed(MissingField, "eventType", native_with("eventType", "")),
        unsigned(MissingField, "source", native_with("source", "")),
        signed(
            MissingField,
            "maxScore",
            native_with("maxScore", Value::Null),
        ),
        signed(BadTimestamp, "RFC 3339", native_with("timestamp", "today")),
        signed(BadTimestamp, "RFC 3339", native_with("timestamp", no_day)),
        signed(BadTimestamp, "RFC 3339", native_with("timestamp", HOUR_MS)),
        signed(FutureTimestamp, "ahead", native_with("timestamp", far)),
        signed(
            ValueOutOfRange,
            "score must be at most",
            native_with("score", 11),
        ),
        signed(ValueOutOfRange, "score must be", native_with("score", -1)),
        signed(
            ValueOutOfRange,
            "maxScore must be",
            native_with("maxScore", 0),
        ),
        signed(ValueOutOfRange, "durationMs", native_with("durationMs", -1)),
        signed(ValueOutOfRange, "watchedMs", native_with("watchedMs", -1)),
        signed(ValueOutOfRange, "eventId", native_with("eventId", long)),
    ]
}

/// xAPI statements.
pub fn statement_refusals() -> Vec<Refused> {
    let far = "2999-01-01T00:00:00Z";
    let eleven_of_ten = json!({"score": {"raw": 11, "max": 10}});
    vec![
        signed(Oversized, "at most 65536", statement_with("essay", essay())),
        signed(Malformed, "no JSON", r#"{"actor":"#),
        signed(SchemaMismatch, "object", "[1]"),
        signed(SchemaMismatch, "actor", statement_with("actor", 5)),
        signed(MissingField, "actor", statement_with("actor", Value::Null)),
        signed(MissingField, "verb", statement_with("verb", Value::Null)),
        signed(
            BadTimestamp,
            "timestamp",
            statement_with("timestamp", "today"),
        ),
        signed(FutureTimestamp, "ahead", statement_with("timestamp", far)),
        signed(
            ValueOutOfRange,
            "result.score",
            statement_with("result", eleven_of_ten),
        ),
    ]
}

/// Statements that are accepted from files, but refused when posted.
pub fn posted_refusals() -> Vec<Refused> {
    let two = json!({"mbox": "mailto:ada@example.org", "openid": "https://ada.example.org"});
    let scaled = json!({"score": {"scaled": 1.5, "raw": 1, "max": 2}});
    vec![
        signed(
            SchemaMismatch,
            "id must be a UUID",
            statement_with("id", "1"),
        ),
        signed(
            SchemaMismatch,
            "mbox and openid",
            statement_with("actor", two),
        ),
        signed(
            MissingField,
            "object",
            statement_with("object", Value::Null),
        ),
        signed(SchemaMismatch, "version", statement_with("version", "0.95")),
        signed(ValueOutOfRange, "scaled", statement_with("result", scaled)),
        signed(
            SchemaMismatch,
            "an IRI",
            statement_with("verb", json!({"id": "passed"})),
        ),
    ]
}

/// A quiz result that `change` makes unsound.
fn unsound(change: impl FnOnce(&mut Event)) -> Event {
    let mut event = quiz("ada", "1", HOUR_MS);
    change(&mut event);
    event
}

fn at(seconds: i64) -> Event {
    unsound(|event| event.timestamp = Some(Timestamp { seconds, nanos: 0 }))
}

/// Typed events of the gRPC contract.
pub fn typed_refusals() -> Vec<RefusedEvent> {
    let essay = [("essay".to_owned(), essay())];
    let answer = event("ada", "1", HOUR_MS, "question_answered");
    let year_2999 = 32_472_144_000;
    vec![
        (
            unsound(|event| event.metadata = essay.into()),
            Oversized,
            "at most 65536",
        ),
        (
            unsound(|event| event.user_id.clear()),
            MissingField,
            "userId",
        ),
        (
            unsound(|event| event.session_id.clear()),
            MissingField,
            "sessionId",
        ),
        (
            unsound(|event| event.timestamp = None),
            MissingField,
            "timestamp",
        ),
        (
            unsound(|event| event.event_type.clear()),
            MissingField,
            "eventType",
        ),
        (
            unsound(|event| event.source.clear()),
            MissingField,
            "source",
        ),
        (
            unsound(|event| event.max_score = None),
            MissingField,
            "maxScore",
        ),
        (answer, MissingField, "success"),
        (at(i64::MAX), BadTimestamp, "timestamp"),
        (at(year_2999), FutureTimestamp, "ahead"),
        (
            unsound(|event| event.score = Some(11.0)),
            ValueOutOfRange,
            "score must be at most",
        ),
        (
            unsound(|event| event.score = Some(f64::NAN)),
            ValueOutOfRange,
            "score must be",
        ),
        (
            unsound(|event| event.max_score = Some(f64::INFINITY)),
            ValueOutOfRange,
            "maxScore",
        ),
        (
            unsound(|event| event.duration_ms = Some(u64::MAX)),
            ValueOutOfRange,
            "durationMs",
        ),
    ]
}

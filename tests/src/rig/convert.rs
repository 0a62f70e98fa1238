//! Converts the model's events into the core's, normalised as ingress does it.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::oracle::{self, NaiveEvent};
use homeroom_core::{Event, EventType, PayloadFormat, Reason, Refusal};
use serde_json::Value;

/// A valid event.
pub fn core_event(naive: &NaiveEvent) -> Event<'static> {
    let owned = |text: &Option<String>| text.clone().map(Cow::Owned);
    let whole = |time_ms: Option<i64>| time_ms.map(i64::unsigned_abs);
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let metadata = naive.metadata.iter();
    Event {
        event_id: Cow::Owned(naive.event_id.clone()),
        user_id: Cow::Owned(naive.user_id.clone()),
        session_id: owned(&naive.session_id),
        course_id: owned(&naive.course_id),
        timestamp_ms: naive.timestamp_ms,
        event_type: EventType::from_name(&naive.event_type),
        source: Cow::Owned(naive.source.clone()),
        object_id: owned(&naive.object_id),
        attempt_id: owned(&naive.attempt_id),
        producer_sequence: naive.producer_sequence,
        score_millionths: naive
            .score_millionths()
            .map(|millionths| u32::try_from(millionths).expect("scores are bounded")),
        skill_id: owned(&naive.skill_id),
        duration_ms: whole(naive.duration_ms),
        watched_ms: whole(naive.watched_ms),
        length_ms: whole(naive.length_ms),
        position_ms: whole(naive.position_ms),
        metadata: metadata
            .map(|(name, value)| (Cow::Owned(name.clone()), Cow::Owned(text(value))))
            .collect(),
    }
}

/// A refusal of these bytes.
pub fn core_refusal(source: &str, reason: Reason, bytes: &[u8]) -> Refusal<'static> {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    Refusal {
        source: Cow::Owned(source.to_owned()),
        reason,
        detail: Cow::Borrowed("for a test"),
        user_id: None,
        format: PayloadFormat::NativeJson,
        payload_hash: hasher.finish(),
        payload: Cow::Owned(bytes.to_vec()),
    }
}

/// The core's name for a reason of the model.
pub fn core_reason(reason: oracle::Reason) -> Reason {
    let same = |known: &&Reason| known.name() == reason.name();
    let known = Reason::ALL.iter().find(same);
    *known.unwrap_or_else(|| panic!("the core knows no {}", reason.name()))
}

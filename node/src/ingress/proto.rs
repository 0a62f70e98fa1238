//! Events as messages of the wire contract.

use std::{borrow::Cow, collections::BTreeMap};

use homeroom_core::{Event, Refusal};
use homeroom_proto::v1;
use prost_types::Timestamp;

use super::{
    Arrival, delivery::Delivery, draft::Draft, metadata::Metadata, native, quantity::Quantity,
    timestamp::Stamp,
};

/// Reads an event of the wire contract. Its bytes are those of the message encoded anew: the transport keeps no others.
///
/// # Errors
/// When the event is refused, with the reason.
pub fn decode_proto<'p>(
    event: &'p v1::Event,
    arrival: &Arrival<'_>,
) -> Result<Event<'p>, Refusal<'p>> {
    let mut metadata = Metadata::default();
    for (name, value) in &event.metadata {
        metadata.push(name.as_str(), value.as_str());
    }
    let stamp = event.timestamp.map_or(Stamp::Absent, |time| {
        Stamp::from_parts(time.seconds, time.nanos)
    });
    let draft = Draft {
        labels: &native::LABELS,
        event_id: text(&event.event_id),
        user_id: text(&event.user_id),
        session_id: text(&event.session_id),
        course_id: text(&event.course_id),
        stamp,
        event_type: text(&event.event_type),
        source: text(&event.source),
        object_id: text(&event.object_id),
        attempt_id: text(&event.attempt_id),
        producer_sequence: event.producer_sequence.map(Quantity::Valid),
        score: event.score,
        max_score: event.max_score,
        success: event.success,
        skill_id: text(&event.skill_id),
        duration_ms: event.duration_ms.map(Quantity::wire_ms),
        watched_ms: event.watched_ms.map(Quantity::wire_ms),
        length_ms: event.length_ms.map(Quantity::wire_ms),
        position_ms: event.position_ms.map(Quantity::wire_ms),
        metadata,
    };
    draft.admit(None, Delivery::Protobuf(event), arrival)
}

/// The message of an event, for listing it. A score becomes a fraction of 1.
pub fn to_proto(event: &Event<'_>) -> v1::Event {
    let owned = |text: &Option<Cow<'_, str>>| text.as_deref().unwrap_or_default().to_owned();
    let nanos = event.timestamp_ms.rem_euclid(1000) * 1_000_000;
    v1::Event {
        event_id: event.event_id.clone().into_owned(),
        user_id: event.user_id.clone().into_owned(),
        session_id: owned(&event.session_id),
        course_id: owned(&event.course_id),
        timestamp: Some(Timestamp {
            seconds: event.timestamp_ms.div_euclid(1000),
            nanos: i32::try_from(nanos).expect("less than a second"),
        }),
        event_type: event.event_type.name().to_owned(),
        source: event.source.clone().into_owned(),
        object_id: owned(&event.object_id),
        attempt_id: owned(&event.attempt_id),
        producer_sequence: event.producer_sequence,
        score: event
            .score_millionths
            .map(|millionths| f64::from(millionths) / 1e6),
        max_score: event.score_millionths.map(|_| 1.0),
        success: None,
        skill_id: owned(&event.skill_id),
        duration_ms: event.duration_ms,
        watched_ms: event.watched_ms,
        length_ms: event.length_ms,
        position_ms: event.position_ms,
        metadata: metadata(event),
    }
}

fn metadata(event: &Event<'_>) -> BTreeMap<String, String> {
    let owned =
        |(name, value): &(Cow<'_, str>, Cow<'_, str>)| (name.to_string(), value.to_string());
    event.metadata.iter().map(owned).collect()
}

fn text(value: &str) -> Option<Cow<'_, str>> {
    (!value.is_empty()).then_some(Cow::Borrowed(value))
}

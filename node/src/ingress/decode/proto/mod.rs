//! Events as protobuf messages.

mod wire;

use std::{borrow::Cow, collections::BTreeMap};

use homeroom_core::{Event, PayloadFormat, Refusal};
use homeroom_proto::v1;
use prost_types::Timestamp;

use super::{context::DeliveryContext, delivery::Delivery};
use wire::read_event;

/// Reads an encoded protobuf event.
///
/// Bytes that are not such a message are `malformed`, like text that is not JSON.
///
/// # Errors
/// When the event is refused, with the reason.
pub fn decode_proto<'p>(
    payload: &'p [u8],
    context: &DeliveryContext<'_>,
) -> Result<Event<'p>, Refusal<'p>> {
    let (draft, fault) = read_event(payload);
    let delivery = Delivery {
        format: PayloadFormat::Protobuf,
        bytes: payload,
    };
    draft.admit(fault, delivery, context)
}

/// The message of an event, for listings. A score is given as a fraction of 1.
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

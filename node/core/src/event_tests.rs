//! The hand-written encoding of events equals postcard's, byte for byte.

use std::borrow::Cow;

use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::{
    Event, EventSummary, EventType,
    entry::{Record, RecordBuffer},
};

const NAMES: [&str; 14] = [
    "page_view",
    "click",
    "video_played",
    "video_paused",
    "video_seeked",
    "video_ended",
    "quiz_submitted",
    "score_updated",
    "question_answered",
    "session_start",
    "session_end",
    "enrolled",
    "unenrolled",
    "bookmarked",
];

fn text() -> impl Strategy<Value = Cow<'static, str>> {
    prop_oneof![
        8 => "\\PC{0,20}".prop_map(Cow::Owned),
        1 => (0_usize..20_000).prop_map(|length| Cow::Owned("x".repeat(length))),
    ]
}

fn number() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0_u32..64).prop_map(|(value, shift)| value >> shift)
}

fn event() -> impl Strategy<Value = Event<'static>> {
    let texts = (text(), text(), text(), vec((text(), text()), 0..3));
    let optional_texts = vec(option::of(text()), 5);
    let numbers = (
        (any::<i64>(), 0_u32..64),
        vec(option::of(number()), 5),
        option::of(any::<u32>()),
    );
    (texts, optional_texts, numbers, select(&NAMES[..])).prop_map(
        |((event_id, user_id, source, metadata), texts, numbers, name)| {
            let ((time, shift), quantities, score_millionths) = numbers;
            Event {
                event_id,
                user_id,
                session_id: texts[0].clone(),
                course_id: texts[1].clone(),
                timestamp_ms: time >> shift,
                event_type: EventType::from_name(name),
                source,
                object_id: texts[2].clone(),
                attempt_id: texts[3].clone(),
                producer_sequence: quantities[0],
                score_millionths,
                skill_id: texts[4].clone(),
                duration_ms: quantities[1],
                watched_ms: quantities[2],
                length_ms: quantities[3],
                position_ms: quantities[4],
                metadata,
            }
        },
    )
}

#[test]
fn the_names_are_all_types() {
    let mut types: Vec<EventType> = NAMES.map(EventType::from_name).into();
    types.dedup();
    assert_eq!(types.len(), NAMES.len());
    assert!(matches!(types.last(), Some(EventType::Other(_))));
}

/// The encoding that serde and postcard produce, field by field.
fn by_postcard(event: &Event<'_>) -> Vec<u8> {
    let fields = (
        &event.event_id,
        &event.session_id,
        &event.course_id,
        event.timestamp_ms,
        &event.event_type,
        &event.source,
        &event.object_id,
        &event.attempt_id,
        event.producer_sequence,
        event.score_millionths,
        &event.skill_id,
        event.duration_ms,
        event.watched_ms,
        event.length_ms,
        event.position_ms,
        &event.metadata,
    );
    postcard::to_extend(&fields, vec![1]).unwrap()
}

proptest! {
    #[test]
    fn the_bytes_are_those_of_postcard(event in event()) {
        let mut encoded = Vec::new();
        event.encode_into(&mut encoded);
        prop_assert_eq!(&encoded, &by_postcard(&event));

        let mut buffer = RecordBuffer::default();
        buffer.push_event(&event);
        let record = Record::Event { user_id: &event.user_id, event: &encoded };
        prop_assert_eq!(buffer.bytes(), postcard::to_stdvec(&record).unwrap());
    }

    #[test]
    fn an_event_and_its_summary_are_read_back(event in event()) {
        let mut encoded = Vec::new();
        event.encode_into(&mut encoded);
        let read = Event::decode(&event.user_id, &encoded).unwrap();
        prop_assert_eq!(&read, &event);
        let summary = EventSummary::decode(&encoded).unwrap();
        prop_assert_eq!(summary.timestamp_ms, event.timestamp_ms);
        prop_assert_eq!(summary.source, &*event.source);
        prop_assert_eq!(summary.producer_sequence, event.producer_sequence);
    }

    #[test]
    fn bytes_cut_short_are_damage(event in event(), at in any::<prop::sample::Index>()) {
        let mut encoded = Vec::new();
        event.encode_into(&mut encoded);
        let cut = &encoded[..at.index(encoded.len())];
        prop_assert!(Event::decode(&event.user_id, cut).is_err());
        let _ = EventSummary::decode(cut);
    }
}

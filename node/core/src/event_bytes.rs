//! The encoding of an [`Event`], written without going through serde: byte for byte what postcard makes of it, which is how it is
//! read. On the way in this is most of what an event costs.

use std::borrow::Cow;

use crate::{Event, EventType, event::EVENT_VERSION};

/// Appends the versioned encoding, without the learner: the bytes of [`Event::encode_into`].
pub fn write_event(event: &Event<'_>, to: &mut Vec<u8>) {
    to.push(EVENT_VERSION);
    write_text(&event.event_id, to);
    write_optional_text(event.session_id.as_ref(), to);
    write_optional_text(event.course_id.as_ref(), to);
    write_varint(zigzag(event.timestamp_ms), to);
    write_type(&event.event_type, to);
    write_text(&event.source, to);
    write_optional_text(event.object_id.as_ref(), to);
    write_optional_text(event.attempt_id.as_ref(), to);
    write_optional(event.producer_sequence, to);
    write_optional(event.score_millionths.map(u64::from), to);
    write_optional_text(event.skill_id.as_ref(), to);
    write_optional(event.duration_ms, to);
    write_optional(event.watched_ms, to);
    write_optional(event.length_ms, to);
    write_optional(event.position_ms, to);
    write_varint(event.metadata.len() as u64, to);
    for (name, value) in &event.metadata {
        write_text(name, to);
        write_text(value, to);
    }
}

/// Appends a length and the text's bytes.
pub fn write_text(text: &str, to: &mut Vec<u8>) {
    write_varint(text.len() as u64, to);
    to.extend_from_slice(text.as_bytes());
}

/// Appends a number in as few bytes as it needs, seven bits each, the lowest first.
pub fn write_varint(mut value: u64, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn write_optional_text(text: Option<&Cow<'_, str>>, to: &mut Vec<u8>) {
    match text {
        Some(text) => {
            to.push(1);
            write_text(text, to);
        }
        None => to.push(0),
    }
}

fn write_optional(value: Option<u64>, to: &mut Vec<u8>) {
    match value {
        Some(value) => {
            to.push(1);
            write_varint(value, to);
        }
        None => to.push(0),
    }
}

/// Signed numbers near zero become small ones.
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The variants count up in the order in which they are declared.
fn write_type(event_type: &EventType, to: &mut Vec<u8>) {
    to.push(match event_type {
        EventType::PageView => 0,
        EventType::Click => 1,
        EventType::VideoPlayed => 2,
        EventType::VideoPaused => 3,
        EventType::VideoSeeked => 4,
        EventType::VideoEnded => 5,
        EventType::QuizSubmitted => 6,
        EventType::ScoreUpdated => 7,
        EventType::QuestionAnswered => 8,
        EventType::SessionStart => 9,
        EventType::SessionEnd => 10,
        EventType::Enrolled => 11,
        EventType::Unenrolled => 12,
        EventType::Other(name) => {
            to.push(13);
            return write_text(name, to);
        }
    });
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*, sample::select};

    use super::*;
    use crate::entry::{Record, RecordBuffer};

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

    proptest! {
        #[test]
        fn the_bytes_are_those_of_postcard(event in event()) {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            write_event(&event, &mut ours);
            event.encode_into(&mut theirs);
            prop_assert_eq!(&ours, &theirs);

            let mut buffer = RecordBuffer::default();
            buffer.push_event(&event);
            let record = Record::Event { user_id: &event.user_id, event: &theirs };
            prop_assert_eq!(buffer.bytes(), postcard::to_stdvec(&record).unwrap());
        }
    }
}

//! Protobuf messages.

use homeroom_core::{PayloadFormat, Reason, Settings};
use homeroom_proto::v1;
use prost::Message;
use prost_types::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

use super::{context, native, refused, with};
use crate::ingress::{CUT_PAYLOAD_BYTES, EVENT_BYTES_MAX, decode_proto, to_proto};

fn message() -> v1::Event {
    v1::Event {
        event_id: "e1".into(),
        user_id: "ada".into(),
        session_id: "s1".into(),
        timestamp: Some(Timestamp {
            seconds: 1_772_618_340,
            nanos: 999_999,
        }),
        event_type: "page_view".into(),
        source: "lms".into(),
        ..v1::Event::default()
    }
}

#[test]
fn the_same_event_is_the_same_through_either_door() {
    let settings = Settings::default();
    let mut sent = message();
    sent.event_id.clear();
    sent.course_id = "c".into();
    sent.duration_ms = Some(7);
    sent.metadata = [
        ("b".to_owned(), "1".to_owned()),
        ("a".to_owned(), "x".to_owned()),
    ]
    .into();
    let json = with(r#""eventId":"","b":1,"a":"x","courseId":"c","duration_ms":6.6"#);
    assert_eq!(
        decode_proto(&sent.encode_to_vec(), &context(&settings)).unwrap(),
        native(&json).unwrap()
    );
}

#[test]
fn faults_of_messages() {
    use Reason::*;
    let faulty = |change: fn(&mut v1::Event)| {
        let mut event = message();
        change(&mut event);
        event
    };
    let stamped = |seconds, nanos| v1::Event {
        timestamp: Some(Timestamp { seconds, nanos }),
        ..message()
    };
    let cases = [
        (
            faulty(|event| event.user_id.clear()),
            MissingField,
            "missing userId",
        ),
        (
            faulty(|event| event.source.clear()),
            MissingField,
            "missing source",
        ),
        (
            faulty(|event| event.timestamp = None),
            MissingField,
            "missing timestamp",
        ),
        (stamped(0, -1), BadTimestamp, "0 s and -1 ns"),
        (stamped(0, 1_000_000_000), BadTimestamp, "1000000000 ns"),
        (stamped(i64::MAX, 0), BadTimestamp, "timestamp"),
        (stamped(1_772_618_461, 0), FutureTimestamp, "61000 ms ahead"),
        (
            faulty(|event| event.score = Some(f64::NAN)),
            ValueOutOfRange,
            "score",
        ),
        (
            faulty(|event| event.max_score = Some(f64::INFINITY)),
            ValueOutOfRange,
            "maxScore",
        ),
        (
            faulty(|event| event.watched_ms = Some(u64::MAX)),
            ValueOutOfRange,
            "watchedMs",
        ),
        (
            faulty(|event| event.object_id = "x".repeat(EVENT_BYTES_MAX)),
            Oversized,
            "at most 65536",
        ),
    ];
    let settings = Settings::default();
    for (event, reason, detail) in cases {
        let bytes = event.encode_to_vec();
        let refusal = decode_proto(&bytes, &context(&settings)).unwrap_err();
        let kept = if bytes.len() > EVENT_BYTES_MAX {
            CUT_PAYLOAD_BYTES
        } else {
            bytes.len()
        };
        assert_eq!(refusal.payload.as_ref(), &bytes[..kept]);
        assert_eq!(refusal.payload_hash, xxh3_64(&bytes));
        assert_eq!(refusal.format, PayloadFormat::Protobuf);
        refused(Err(refusal), reason, detail);
    }
}

#[test]
fn times_before_the_epoch_are_truncated_towards_the_past() {
    let settings = Settings::default();
    let event = v1::Event {
        timestamp: Some(Timestamp {
            seconds: -1,
            nanos: 1_999_999,
        }),
        ..message()
    };
    let sent = event.encode_to_vec();
    let decoded = decode_proto(&sent, &context(&settings)).unwrap();
    assert_eq!(decoded.timestamp_ms, -999);
    let listed = to_proto(&decoded);
    assert_eq!(
        listed.timestamp,
        Some(Timestamp {
            seconds: -1,
            nanos: 1_000_000
        })
    );
    let listed = listed.encode_to_vec();
    assert_eq!(decode_proto(&listed, &context(&settings)).unwrap(), decoded);
}

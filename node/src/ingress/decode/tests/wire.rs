//! Events are read from bytes exactly as prost decodes them. What prost refuses is malformed and
//! affects no other event.

use homeroom_core::{Event, PayloadFormat, Reason, Refusal, Settings};
use homeroom_proto::v1;
use proptest::{collection::vec, option, prelude::*, sample::select};
use prost::{
    Message,
    encoding::{self, WireType, encode_key, encode_varint},
};
use prost_types::Timestamp;

use super::{NOW_MS, context, refused};
use crate::ingress::{
    Admission, DeliveryContext,
    decode::{
        decode_proto, delivery::Delivery, draft::Draft, metadata::Metadata, quantity::Quantity,
        timestamp::Stamp,
    },
};

/// The reference: decoded by prost, then converted into a draft.
fn by_prost<'p>(
    message: &'p v1::Event,
    payload: &'p [u8],
    context: &DeliveryContext<'_>,
) -> Result<Event<'p>, Refusal<'p>> {
    let text = |text: &'p String| (!text.is_empty()).then(|| text.as_str().into());
    let mut metadata = Metadata::default();
    for (name, value) in &message.metadata {
        metadata.push(name.as_str(), value.as_str());
    }
    let stamp = message.timestamp.map_or(Stamp::Absent, |time| {
        Stamp::from_parts(time.seconds, time.nanos)
    });
    let draft = Draft {
        event_id: text(&message.event_id),
        user_id: text(&message.user_id),
        session_id: text(&message.session_id),
        course_id: text(&message.course_id),
        stamp,
        event_type: text(&message.event_type),
        source: text(&message.source),
        object_id: text(&message.object_id),
        attempt_id: text(&message.attempt_id),
        producer_sequence: message.producer_sequence.map(Quantity::Valid),
        score: message.score,
        max_score: message.max_score,
        success: message.success,
        skill_id: text(&message.skill_id),
        duration_ms: message.duration_ms.map(Quantity::wire_ms),
        watched_ms: message.watched_ms.map(Quantity::wire_ms),
        length_ms: message.length_ms.map(Quantity::wire_ms),
        position_ms: message.position_ms.map(Quantity::wire_ms),
        metadata,
    };
    let delivery = Delivery {
        format: PayloadFormat::Protobuf,
        bytes: payload,
    };
    draft.admit(None, delivery, context)
}

/// Asserts that ingress and prost agree on these bytes.
fn check(payload: &[u8]) {
    let settings = Settings::default();
    let context = context(&settings);
    let ours = decode_proto(payload, &context);
    match v1::Event::decode(payload) {
        Ok(message) => assert_eq!(ours, by_prost(&message, payload, &context)),
        Err(error) => {
            let refusal = ours.expect_err(&error.to_string());
            assert_eq!(refusal.reason, Reason::Malformed, "{error}");
            assert_eq!(refusal.format, PayloadFormat::Protobuf);
            assert_eq!(refusal.payload, payload);
        }
    }
}

/// A message that is nearly always an event.
fn message() -> impl Strategy<Value = v1::Event> {
    let text = || prop_oneof![4 => "[a-z]{1,9}", 1 => Just(String::new()), 1 => "\\PC{0,12}"];
    let event_type = select(
        &[
            "page_view",
            "quiz_submitted",
            "question_answered",
            "enrolled",
        ][..],
    );
    let time = (
        prop_oneof![9 => 0..=NOW_MS / 1000, 1 => any::<i64>()],
        prop_oneof![9 => 0..1_000_000_000, 1 => any::<i32>()],
    );
    let texts = vec(text(), 8);
    let number = || option::of(prop_oneof![4 => 0_u64..1 << 40, 1 => any::<u64>()]);
    let score = || option::of(prop_oneof![4 => 0.0..50.0, 1 => any::<f64>()]);
    let numbers = (
        vec(number(), 5),
        score(),
        score(),
        option::of(any::<bool>()),
    );
    let metadata = proptest::collection::btree_map(text(), text(), 0..4);
    (texts, event_type, option::of(time), numbers, metadata).prop_map(
        |(texts, event_type, time, (numbers, score, max_score, success), metadata)| v1::Event {
            event_id: texts[0].clone(),
            user_id: texts[1].clone(),
            session_id: texts[2].clone(),
            course_id: texts[3].clone(),
            timestamp: time.map(|(seconds, nanos)| Timestamp { seconds, nanos }),
            event_type: event_type.to_owned(),
            source: texts[4].clone(),
            object_id: texts[5].clone(),
            attempt_id: texts[6].clone(),
            producer_sequence: numbers[0],
            score,
            max_score,
            success,
            skill_id: texts[7].clone(),
            duration_ms: numbers[1],
            watched_ms: numbers[2],
            length_ms: numbers[3],
            position_ms: numbers[4],
            metadata,
        },
    )
}

/// A field of any number and type, in most cases a known one.
fn field() -> impl Strategy<Value = Vec<u8>> {
    let content = prop_oneof![
        "[a-z]{0,9}".prop_map(String::into_bytes),
        vec(any::<u8>(), 0..9),
        // A map entry, or the parts of a time: both have the field numbers 1 and 2.
        (1_u32..4, "[a-z]{0,4}").prop_map(|(tag, text)| {
            let mut entry = Vec::new();
            encoding::string::encode(tag, &text, &mut entry);
            entry
        }),
        (1_u32..4, any::<i64>()).prop_map(|(tag, number)| {
            let mut time = Vec::new();
            encoding::int64::encode(tag, &number, &mut time);
            time
        }),
    ];
    let tag = prop_oneof![8 => 1_u32..=20, 1 => 21_u32..1 << 29];
    (tag, 0_u8..7, any::<u64>(), content).prop_map(|(tag, wire_type, number, content)| {
        let mut bytes = Vec::new();
        let key = |wire_type, bytes: &mut Vec<u8>| encode_key(tag, wire_type, bytes);
        match wire_type {
            0 => {
                key(WireType::Varint, &mut bytes);
                encode_varint(number, &mut bytes);
            }
            1 => {
                key(WireType::SixtyFourBit, &mut bytes);
                bytes.extend(number.to_le_bytes());
            }
            2 => {
                key(WireType::ThirtyTwoBit, &mut bytes);
                bytes.extend((number as u32).to_le_bytes());
            }
            3 => {
                key(WireType::StartGroup, &mut bytes);
                key(WireType::EndGroup, &mut bytes);
            }
            _ => {
                key(WireType::LengthDelimited, &mut bytes);
                encode_varint(content.len() as u64, &mut bytes);
                bytes.extend(content);
            }
        }
        bytes
    })
}

proptest! {
    #[test]
    fn messages_are_read_as_prost_reads_them(message in message()) {
        check(&message.encode_to_vec());
    }

    #[test]
    fn fields_may_come_in_any_order_and_number(
        message in message(), before in vec(field(), 0..3), after in vec(field(), 0..3), again in option::of(message()),
    ) {
        let again = again.map(|message| message.encode_to_vec()).unwrap_or_default();
        check(&[before.concat(), message.encode_to_vec(), again, after.concat()].concat());
    }

    #[test]
    fn damaged_messages_are_refused_as_prost_refuses_them(
        message in message(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut bytes = message.encode_to_vec();
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            check(&bytes[..at]);
            bytes[at] = byte;
            check(&bytes);
        }
    }

    #[test]
    fn any_bytes_are_read_as_prost_reads_them(bytes in vec(any::<u8>(), 0..60)) {
        check(&bytes);
    }
}

fn sound(event_id: &str) -> v1::Event {
    v1::Event {
        event_id: event_id.into(),
        user_id: "ada".into(),
        session_id: "s1".into(),
        timestamp: Some(Timestamp {
            seconds: NOW_MS / 1000,
            nanos: 0,
        }),
        event_type: "page_view".into(),
        source: "lms".into(),
        ..v1::Event::default()
    }
}

#[test]
fn what_stands_before_the_fault_tells_who_sent_it() {
    let settings = Settings::default();
    let cases: [(&[u8], &str); 6] = [
        // Field 8 with two bytes that are not UTF-8.
        (b"\x42\x02\xff\xfe", "objectId: no UTF-8"),
        (b"\x42\x05ab", "objectId: longer than the message"),
        (b"\x40\x01", "objectId: "),
        (b"\x2a\x02\x08\xff", "timestamp: "),
        (b"\x00", "invalid tag"),
        (b"\xff", "invalid varint"),
    ];
    for (broken, detail) in cases {
        let bytes = [sound("1").encode_to_vec(), broken.to_vec()].concat();
        let refusal = decode_proto(&bytes, &context(&settings)).expect_err(detail);
        assert_eq!(
            (&*refusal.source, refusal.user_id.as_deref()),
            ("lms", Some("ada"))
        );
        refused(Err(refusal), Reason::Malformed, detail);
    }
    let nothing = decode_proto(b"\xff", &context(&settings)).expect_err("no message");
    assert_eq!((&*nothing.source, nothing.user_id), ("listener:http", None));
}

#[test]
fn an_oversized_message_is_that_whatever_else_it_is() {
    let settings = Settings::default();
    let bytes = [sound("1").encode_to_vec(), vec![0xff; 70_000]].concat();
    let refusal = decode_proto(&bytes, &context(&settings));
    refused(refusal, Reason::Oversized, "at most 65536");
}

#[test]
fn a_malformed_event_harms_no_other() {
    let settings = Settings::default();
    let mut admission = Admission::new(context(&settings), 3);
    for payload in [
        &*sound("1").encode_to_vec(),
        b"\xff",
        &*sound("2").encode_to_vec(),
    ] {
        admission.proto(payload);
    }
    let details = &admission.details;
    assert_eq!(details.len(), 1);
    assert_eq!(details[0].0, 1);
    assert_eq!(admission.ages_ms, [Some(0), None, Some(0)]);
}

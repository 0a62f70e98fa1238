//! Properties: no input makes a decoder panic, and a valid event survives each form and spelling.

use std::fmt::Write;

use homeroom_core::{Event, EventType, Settings};
use proptest::{collection::btree_map, option, prelude::*, sample::select};
use prost::Message;

use super::{NOW_MS, context};
use crate::ingress::{decode_native, decode_proto, decode_standard_xapi, decode_xapi, to_proto};

const TYPES: [&str; 6] = [
    "page_view",
    "video_paused",
    "quiz_submitted",
    "question_answered",
    "enrolled",
    "bookmarked",
];

fn event() -> impl Strategy<Value = Event<'static>> {
    let text = || "\\PC{1,12}|[\"\\\\/\u{8}\n\t\u{1f}é😀]{1,6}";
    let ids = (
        text(),
        text(),
        text(),
        text(),
        option::of(text()),
        option::of(text()),
        option::of(text()),
    );
    let numbers = (
        (
            -62_135_596_800_000..=NOW_MS,
            0_u32..=1_000_000,
            option::of(any::<u64>()),
        ),
        (
            option::of(0_u64..1 << 53),
            option::of(0_u64..1 << 53),
            option::of(0_u64..1 << 53),
        ),
    );
    let metadata = btree_map("meta[a-z\"\\\\é]{0,4}", text(), 0..4);
    (ids, numbers, select(&TYPES[..]), metadata).prop_map(|(ids, numbers, event_type, metadata)| {
        let ((timestamp_ms, score, producer_sequence), (duration_ms, watched_ms, length_ms)) =
            numbers;
        let event_type = EventType::from_name(event_type);
        let is_scored = matches!(
            event_type,
            EventType::QuizSubmitted | EventType::QuestionAnswered
        );
        Event {
            event_id: ids.0.into(),
            user_id: ids.1.into(),
            session_id: Some(ids.2.into()),
            source: ids.3.into(),
            course_id: ids.4.map(Into::into),
            object_id: ids.5.map(Into::into),
            skill_id: ids.6.map(Into::into),
            attempt_id: None,
            timestamp_ms,
            event_type,
            producer_sequence,
            score_millionths: is_scored.then_some(score),
            duration_ms,
            watched_ms,
            length_ms,
            position_ms: None,
            metadata: metadata
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    })
}

/// The spelling of an event.
#[derive(Clone, Debug)]
struct Style {
    snake_case: bool,
    escape_all: bool,
    in_metadata: bool,
    space: &'static str,
    shuffle: u64,
}

fn style() -> impl Strategy<Value = Style> {
    (
        any::<[bool; 3]>(),
        select(&["", " ", "\n\t ", "\r\n"][..]),
        any::<u64>(),
    )
        .prop_map(
            |([snake_case, escape_all, in_metadata], space, shuffle)| Style {
                snake_case,
                escape_all,
                in_metadata,
                space,
                shuffle,
            },
        )
}

impl Style {
    fn name(&self, camel: &str) -> String {
        let mut name = String::new();
        for character in camel.chars() {
            if self.snake_case && character.is_ascii_uppercase() {
                name.push('_');
                name.push(character.to_ascii_lowercase());
            } else {
                name.push(character);
            }
        }
        self.text(&name)
    }

    fn text(&self, text: &str) -> String {
        if !self.escape_all {
            return serde_json::to_string(text).unwrap();
        }
        let mut json = String::from("\"");
        for unit in text.encode_utf16() {
            write!(json, "\\u{unit:04X}").unwrap();
        }
        json + "\""
    }

    fn object(&self, mut members: Vec<(String, String)>) -> String {
        let turn = self.shuffle as usize % members.len().max(1);
        members.rotate_left(turn);
        if self.shuffle.is_multiple_of(2) {
            members.reverse();
        }
        let space = self.space;
        let members: Vec<String> = members
            .into_iter()
            .map(|(name, value)| format!("{space}{name}{space}:{space}{value}{space}"))
            .collect();
        format!("{space}{{{}{space}}}{space}", members.join(","))
    }

    fn render(&self, event: &Event<'_>) -> String {
        let time = jiff::Timestamp::from_millisecond(event.timestamp_ms).unwrap();
        let score = event.score_millionths;
        let texts = [
            ("eventId", Some(&*event.event_id)),
            ("userId", Some(&*event.user_id)),
            ("sessionId", event.session_id.as_deref()),
            ("courseId", event.course_id.as_deref()),
            ("timestamp", Some(&*time.to_string())),
            ("eventType", Some(event.event_type.name())),
            ("source", Some(&*event.source)),
            ("objectId", event.object_id.as_deref()),
            ("skillId", event.skill_id.as_deref()),
        ]
        .map(|(name, text)| (self.name(name), text.map(|text| self.text(text))));
        let numbers = [
            ("producerSequence", event.producer_sequence),
            ("score", score.map(u64::from)),
            ("maxScore", score.map(|_| 1_000_000)),
            ("durationMs", event.duration_ms),
            ("watchedMs", event.watched_ms),
            ("lengthMs", event.length_ms),
        ]
        .map(|(name, number)| (self.name(name), number.map(|number| number.to_string())));
        let null = || "null".to_owned();
        let members = texts.into_iter().chain(numbers);
        let mut members: Vec<_> = members
            .map(|(name, value)| (name, value.unwrap_or_else(null)))
            .collect();
        let metadata = event
            .metadata
            .iter()
            .map(|(name, value)| (self.text(name), self.text(value)));
        if self.in_metadata {
            members.push((self.name("metadata"), self.object(metadata.collect())));
        } else {
            members.extend(metadata);
        }
        self.object(members)
    }
}

/// Text that is nearly an event or a statement.
fn nearly() -> impl Strategy<Value = String> {
    let name = select(
        &[
            "userId",
            "user_id",
            "timestamp",
            "score",
            "metadata",
            "id",
            "actor",
            "verb",
            "object",
            "result",
            "context",
            "account",
            "name",
            "extensions",
            "contextActivities",
            "parent",
            "duration",
        ][..],
    );
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("1e999".to_owned()),
        any::<f64>().prop_map(|value| value.to_string()),
        any::<bool>().prop_map(|value| value.to_string()),
        "\"(\\\\u[dD][89a-f]00|\\\\n|[a-z0-9:TZ+-]){0,20}\"",
        select(
            &[
                "\"P1Y\"",
                "\"2026-03-04T10:00:00.1234567890123Z\"",
                "\"PT9999999999999999999S\""
            ][..]
        )
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        let member =
            (name.clone(), inner.clone()).prop_map(|(name, json)| format!("\"{name}\":{json}"));
        prop_oneof![
            proptest::collection::vec(member, 0..6)
                .prop_map(|members| format!("{{{}}}", members.join(","))),
            proptest::collection::vec(inner, 0..3)
                .prop_map(|parts| format!("[{}]", parts.join(","))),
        ]
    })
}

fn decode_everything(payload: &[u8]) {
    let settings = Settings::default();
    let context = context(&settings);
    for decoded in [
        decode_native(payload, &context),
        decode_xapi(payload, "", &context),
    ] {
        match decoded {
            Ok(event) => assert!(!event.event_id.is_empty() && !event.user_id.is_empty()),
            Err(refusal) => assert!(refusal.detail.len() < 600 && !refusal.source.is_empty()),
        }
    }
    let _ = decode_standard_xapi(payload, "", &context);
    let _ = decode_proto(payload, &context);
}

proptest! {
    #[test]
    fn a_valid_event_comes_out_as_it_went_in(event in event(), style in style()) {
        let settings = Settings::default();
        let json = style.render(&event);
        let decoded = decode_native(json.as_bytes(), &context(&settings));
        prop_assert_eq!(decoded.as_ref(), Ok(&event), "{}", json);
        let message = to_proto(&event).encode_to_vec();
        let decoded = decode_proto(&message, &context(&settings));
        prop_assert_eq!(decoded.as_ref(), Ok(&event));
    }

    #[test]
    fn bytes_never_panic(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        decode_everything(&payload);
    }

    #[test]
    fn nearly_valid_text_never_panics(text in nearly()) {
        decode_everything(text.as_bytes());
    }

    #[test]
    fn damaged_events_never_panic(event in event(), style in style(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut json = style.render(&event).into_bytes();
        let at = at.index(json.len());
        json[at] = byte;
        decode_everything(&json);
        json.truncate(at);
        decode_everything(&json);
    }

    #[test]
    fn times_never_panic(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9é]{0,12})?([Zz]|[+-][0-9]{2}:?[0-9]{2})?") {
        decode_everything(super::with(&format!("\"timestamp\":\"{text}\"")).as_bytes());
    }
}

//! Native JSON: spellings, times, absent values and metadata.

use homeroom_core::{EventType, Reason, Settings, SourcePolicy};

use super::{context, native, refused, settings_with, with};
use crate::ingress::decode_native;

#[test]
fn every_field_has_its_place_in_both_spellings() {
    let camel = r#"{"eventId":"e","userId":"u","sessionId":"s","courseId":"c","timestamp":"1970-01-01T00:00:01Z",
        "eventType":"question_answered","source":"lms","objectId":"o","attemptId":"a","producerSequence":7,
        "score":1,"maxScore":3,"skillId":"k","durationMs":1.5,"watchedMs":2500,"lengthMs":4,"positionMs":5000}"#;
    let snake = r#"{"event_id":"e","user_id":"u","session_id":"s","course_id":"c","timestamp":"1970-01-01T01:00:01+01:00",
        "event_type":"question_answered","source":"lms","object_id":"o","attempt_id":"a","producer_sequence":7.0,
        "score":1.0,"max_score":3e0,"skill_id":"k","duration_ms":2,"watched_s":2.5,"length_ms":4,"position":5}"#;
    let event = native(camel).unwrap();
    assert_eq!(event, native(snake).unwrap());
    assert_eq!(event.event_type, EventType::QuestionAnswered);
    assert_eq!(
        (event.timestamp_ms, event.score_millionths),
        (1000, Some(333_333))
    );
    assert_eq!(
        (event.producer_sequence, event.duration_ms),
        (Some(7), Some(2))
    );
    assert_eq!(
        (event.watched_ms, event.length_ms, event.position_ms),
        (Some(2500), Some(4), Some(5000))
    );
    assert_eq!(event.metadata, []);
}

#[test]
fn timestamps_are_truncated_towards_the_past() {
    let cases = [
        ("1970-01-01T00:00:00.0019Z", 1),
        ("1969-12-31T23:59:59.9999Z", -1),
        ("1969-12-31T23:59:59.9990001Z", -1),
        ("1969-12-31T23:59:58.0001Z", -2000),
        ("1970-01-01t00:00:00z", 0),
        ("1970-01-01 00:00:00Z", 0),
        ("1970-01-01T00:00:00-00:00", 0),
        ("1970-01-01T05:30:00.123456789012345+05:30", 123),
        ("2016-12-31T23:59:60Z", 1_483_228_799_000),
    ];
    for (text, timestamp_ms) in cases {
        let json = with(&format!(r#""timestamp":"{text}""#));
        assert_eq!(native(&json).unwrap().timestamp_ms, timestamp_ms, "{text}");
    }
}

#[test]
fn null_is_none_and_the_last_of_several_counts() {
    let json = with(r#""userId":"bob","user_id":"eve","courseId":"c","courseId":null,"x":1,"x":2"#);
    let event = native(&json).unwrap();
    assert_eq!(
        (&*event.user_id, event.course_id.as_deref()),
        ("eve", Some("c"))
    );
    assert_eq!(event.metadata, [("x".into(), "2".into())]);
    let json = with(r#""watchedMs":5,"watched_s":9"#);
    assert_eq!(native(&json).unwrap().watched_ms, Some(5));
    let json = with(r#""courseId":7,"courseId":"c""#);
    assert_eq!(native(&json).unwrap().course_id.as_deref(), Some("c"));
}

#[test]
fn what_has_no_place_joins_the_metadata_in_order() {
    let json = with(
        r#""zeta": [1, {"a b": "c \" d"}], "metadata": {"alpha": "ä\n", "n": 1.50, "none": null, "zeta": "lost"},
           "beta": true, "big": 123456789012345678901234567890, "\u0061\"": "", "score": 3"#,
    );
    let event = native(&json).unwrap();
    let metadata: Vec<(&str, &str)> = event
        .metadata
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(
        metadata,
        [
            ("a\"", ""),
            ("alpha", "ä\n"),
            ("beta", "true"),
            ("big", "123456789012345678901234567890"),
            ("n", "1.50"),
            ("score", "3"),
            ("zeta", r#"[1,{"a b":"c \" d"}]"#),
        ]
    );
    assert_eq!(event.score_millionths, None);

    let policy = SourcePolicy {
        drop_unknown_fields: true,
        ..SourcePolicy::default()
    };
    let settings = settings_with("lms", policy);
    let event = decode_native(json.as_bytes(), &context(&settings)).unwrap();
    assert_eq!(event.metadata, []);
}

#[test]
fn success_scores_a_question_unless_it_has_a_score() {
    let scored = |members: &str| {
        let json = with(&format!(r#""eventType":"question_answered",{members}"#));
        native(&json).unwrap().score_millionths
    };
    assert_eq!(scored(r#""success":true"#), Some(1_000_000));
    assert_eq!(scored(r#""success":false"#), Some(0));
    assert_eq!(
        scored(r#""success":true,"score":1,"maxScore":4"#),
        Some(250_000)
    );
    assert_eq!(scored(r#""success":true,"score":1"#), Some(1_000_000));
}

#[test]
fn only_enrolments_need_no_session() {
    let json = with(r#""sessionId":"","eventType":"enrolled""#);
    assert_eq!(native(&json).unwrap().session_id, None);
    let json = with(r#""sessionId":"","eventType":"click""#);
    assert_eq!(native(&json).unwrap_err().detail, "missing sessionId");
}

#[test]
fn a_missing_id_is_derived_from_the_content() {
    let derived = |members: &str| native(&with(members)).unwrap().event_id.into_owned();
    let (one, again) = (
        derived(r#""eventId":"""#),
        derived(r#""event_id":"", "eventId":"""#),
    );
    assert_eq!(one, again);
    assert!(one.starts_with("derived:"));
    assert_ne!(one, derived(r#""eventId":"","objectId":"o""#));
}

#[test]
fn deep_nesting_is_only_text() {
    let nested = |levels| format!(r#""x":{}{}"#, "[".repeat(levels), "]".repeat(levels));
    assert_eq!(
        native(&with(&nested(125))).unwrap().metadata[0].1.len(),
        250
    );
    let brackets = with(&format!(r#""x":["{}"]"#, "[\\\"".repeat(200)));
    assert!(native(&brackets).is_ok(), "in a text they nest nothing");
    for levels in [126, 10_000, 20_000] {
        refused(
            native(&with(&nested(levels))),
            Reason::Malformed,
            "x is nested too deep",
        );
    }
    let settings = Settings::default();
    let open = "[".repeat(60_000);
    assert!(decode_native(open.as_bytes(), &context(&settings)).is_err());
}

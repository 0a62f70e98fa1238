//! A case for each reason and each of its edges, and for the order of the checks.

use homeroom_core::{PayloadFormat, Reason, Settings, SourcePolicy};
use xxhash_rust::xxh3::xxh3_64;

use super::{context, native, refused, settings_with, with};
use crate::ingress::{CUT_PAYLOAD_BYTES, EVENT_BYTES_MAX, NAME_BYTES_MAX, decode_native};

/// Members of an otherwise valid event, the reason, and what its detail says.
const FAULTS: &[(&str, Reason, &str)] = &[
    (r#""score":"#, Reason::Malformed, "no JSON"),
    (r#""a":1}}"#, Reason::Malformed, "trailing"),
    (
        r#""userId":"\ud800""#,
        Reason::Malformed,
        "broken escape in userId",
    ),
    (r#""x":"\ud800""#, Reason::Malformed, "broken escape in x"),
    (
        r#""userId":5"#,
        Reason::SchemaMismatch,
        "userId must be a string, not 5",
    ),
    (
        r#""eventId":17"#,
        Reason::SchemaMismatch,
        "eventId must be a string, not 17",
    ),
    (
        r#""score":"7""#,
        Reason::SchemaMismatch,
        r#"score must be a number, not "7""#,
    ),
    (
        r#""success":1"#,
        Reason::SchemaMismatch,
        "success must be true or false, not 1",
    ),
    (
        r#""metadata":[]"#,
        Reason::SchemaMismatch,
        "metadata must be an object, not []",
    ),
    (
        r#""watched_s":"3""#,
        Reason::SchemaMismatch,
        "watched_s must be a number",
    ),
    (r#""userId":"""#, Reason::MissingField, "missing userId"),
    (
        r#""userId":null,"user_id":"","source":"""#,
        Reason::MissingField,
        "missing userId, source",
    ),
    (
        r#""eventType":"quiz_submitted""#,
        Reason::MissingField,
        "missing score and maxScore",
    ),
    (
        r#""eventType":"score_updated","score":1"#,
        Reason::MissingField,
        "missing maxScore",
    ),
    (
        r#""eventType":"quiz_submitted","success":true"#,
        Reason::MissingField,
        "score and maxScore",
    ),
    (
        r#""eventType":"question_answered","score":1"#,
        Reason::MissingField,
        "or success",
    ),
    (
        r#""timestamp":"""#,
        Reason::MissingField,
        "missing timestamp",
    ),
    (
        r#""timestamp":1772618400000"#,
        Reason::BadTimestamp,
        "not 1772618400000",
    ),
    (
        r#""timestamp":"2026-03-04T09:59:00""#,
        Reason::BadTimestamp,
        "RFC 3339",
    ),
    (
        r#""timestamp":"2026-03-04""#,
        Reason::BadTimestamp,
        "2026-03-04",
    ),
    (
        r#""timestamp":"2026-13-04T09:59:00Z""#,
        Reason::BadTimestamp,
        "RFC 3339",
    ),
    (
        r#""timestamp":"2026-03-04T09:59:00Z[UTC]""#,
        Reason::BadTimestamp,
        "RFC 3339",
    ),
    (
        r#""timestamp":"2026-03-04T10:01:00.001Z""#,
        Reason::FutureTimestamp,
        "60001 ms ahead",
    ),
    (
        r#""score":-1,"maxScore":5"#,
        Reason::ValueOutOfRange,
        "score must be a number of 0 or more",
    ),
    (
        r#""score":6,"maxScore":5"#,
        Reason::ValueOutOfRange,
        "score must be at most maxScore = 5",
    ),
    (
        r#""score":0,"maxScore":0"#,
        Reason::ValueOutOfRange,
        "maxScore must be a number above 0",
    ),
    (
        r#""score":1e999,"maxScore":5"#,
        Reason::ValueOutOfRange,
        "not inf",
    ),
    (
        r#""durationMs":-0.1"#,
        Reason::ValueOutOfRange,
        "durationMs must be a time of 0 or more",
    ),
    (
        r#""position":-3"#,
        Reason::ValueOutOfRange,
        "positionMs must be",
    ),
    (
        r#""lengthMs":1e999"#,
        Reason::ValueOutOfRange,
        "lengthMs must be",
    ),
    (
        r#""watchedMs":9007199254740992"#,
        Reason::ValueOutOfRange,
        "watchedMs must be",
    ),
    (
        r#""producerSequence":1.5"#,
        Reason::ValueOutOfRange,
        "producerSequence must be",
    ),
    (
        r#""producerSequence":-1"#,
        Reason::ValueOutOfRange,
        "producerSequence must be",
    ),
];

#[test]
fn each_native_fault_has_its_reason_and_names_what_was_wrong() {
    for (members, reason, detail) in FAULTS {
        refused(native(&with(members)), *reason, detail);
    }
}

#[test]
fn text_of_another_shape_is_refused_under_its_listener() {
    use Reason::*;
    let cases: &[(&[u8], Reason)] = &[
        (b"", Malformed),
        (b"   ", Malformed),
        (b"{", Malformed),
        (b"\xff{}", Malformed),
        (b"[1,", Malformed),
        (b"{\"a\":tru}", Malformed),
        (b"[1]", SchemaMismatch),
        (b"7", SchemaMismatch),
        (b"null", SchemaMismatch),
        (b"\"{}\"", SchemaMismatch),
        (b"{}", MissingField),
    ];
    for (payload, reason) in cases {
        let refusal = decode_native(payload, &context(&Settings::default())).unwrap_err();
        assert_eq!(
            (refusal.reason, &*refusal.source),
            (*reason, "listener:http")
        );
        assert_eq!(
            (refusal.user_id, refusal.payload.as_ref()),
            (None, *payload)
        );
        assert_eq!(refusal.payload_hash, xxh3_64(payload));
        assert_eq!(refusal.format, PayloadFormat::NativeJson);
    }
}

#[test]
fn faults_are_looked_for_in_the_order_of_the_contract() {
    use Reason::*;
    let pad = "x".repeat(EVENT_BYTES_MAX);
    // Each payload has all the faults from its reason on.
    let rest = r#""eventType":"page_view","sessionId":"s","source":"lms""#;
    let out_of_range = format!(r#"{rest},"score":-1,"userId":"ada""#);
    let future = format!(r#"{out_of_range},"timestamp":"2099-01-01T00:00:00Z""#);
    let bad = format!(r#"{out_of_range},"timestamp":"tomorrow""#);
    let missing = format!(r#"{bad},"source":"""#);
    let mismatch = format!(r#"{missing},"score":true"#);
    let oversized = format!(r#"{mismatch},"x":"{pad}""#);
    let cases = [
        (format!("{{{future}}}"), FutureTimestamp),
        (format!("{{{bad}}}"), BadTimestamp),
        (format!("{{{missing}}}"), MissingField),
        (format!("{{{mismatch}}}"), SchemaMismatch),
        (format!("{{{oversized}}}"), Oversized),
        (format!("{{{oversized}"), Oversized),
    ];
    for (json, reason) in &cases {
        assert_eq!(native(json).unwrap_err().reason, *reason);
    }
}

#[test]
fn an_oversized_event_is_cut_but_tells_who_sent_it() {
    let bare = with(r#""x":"""#);
    let fill = |bytes: usize| with(&format!(r#""x":"{}""#, "y".repeat(bytes - bare.len())));
    assert!(native(&fill(EVENT_BYTES_MAX)).is_ok());
    let json = fill(EVENT_BYTES_MAX + 1);
    let refusal = native(&json).unwrap_err();
    assert_eq!(refusal.reason, Reason::Oversized);
    assert_eq!(
        (&*refusal.source, refusal.user_id.as_deref()),
        ("lms", Some("ada"))
    );
    assert_eq!(
        refusal.payload.as_ref(),
        &json.as_bytes()[..CUT_PAYLOAD_BYTES]
    );
    assert_eq!(refusal.payload_hash, xxh3_64(json.as_bytes()));

    let long_name = with(&format!(r#""source":"{}""#, "y".repeat(EVENT_BYTES_MAX)));
    assert_eq!(native(&long_name).unwrap_err().source, "listener:http");
}

#[test]
fn a_wrong_type_leaves_the_sender_readable() {
    let json = with(r#""courseId":{"id":7}"#);
    let refusal = native(&json).unwrap_err();
    assert_eq!(
        (&*refusal.source, refusal.user_id.as_deref()),
        ("lms", Some("ada"))
    );
    assert_eq!(refusal.detail, r#"courseId must be a string, not {"id":7}"#);
}

#[test]
fn extra_credit_goes_up_to_twice_the_maximum() {
    let policy = SourcePolicy {
        extra_credit: true,
        ..SourcePolicy::default()
    };
    let settings = settings_with("lms", policy);
    let quiz = |score: &str| {
        with(&format!(
            r#""eventType":"quiz_submitted","maxScore":5,"score":{score}"#
        ))
    };
    let twice = quiz("10");
    let event = decode_native(twice.as_bytes(), &context(&settings)).unwrap();
    assert_eq!(event.score_millionths, Some(2_000_000));
    let more = quiz("10.01");
    let decoded = decode_native(more.as_bytes(), &context(&settings));
    refused(decoded, Reason::ValueOutOfRange, "at most 2 × maxScore = 5");
}

#[test]
fn a_minute_ahead_of_the_clock_is_still_taken() {
    assert!(native(&with(r#""timestamp":"2026-03-04T10:01:00.000Z""#)).is_ok());
    // Truncated before the comparison.
    assert!(native(&with(r#""timestamp":"2026-03-04T10:01:00.0009Z""#)).is_ok());
}

#[test]
fn a_name_may_have_so_many_bytes_and_no_more() {
    let settings = Settings::default();
    for field in ["userId", "eventId", "courseId", "objectId", "skillId"] {
        let longest = format!(r#""{field}":"{}""#, "n".repeat(NAME_BYTES_MAX));
        let longest = with(&longest);
        assert!(decode_native(longest.as_bytes(), &context(&settings)).is_ok());
        let longer = with(&format!(
            r#""{field}":"{}""#,
            "n".repeat(NAME_BYTES_MAX + 1)
        ));
        let refusal = decode_native(longer.as_bytes(), &context(&settings)).unwrap_err();
        assert_eq!(refusal.reason, Reason::ValueOutOfRange);
        assert!(refusal.detail.starts_with(field), "{}", refusal.detail);
    }
}

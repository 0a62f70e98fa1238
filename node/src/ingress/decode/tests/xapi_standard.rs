//! The additional rules of the xAPI standard, checked only over HTTP.

use homeroom_core::{Reason, Settings};
use serde_json::{Value, json};

use super::{context, refused, xapi};
use crate::ingress::decode_standard_xapi;

fn sound() -> Value {
    json!({
        "id": "5f7b1f9e-0000-4000-8000-000000000001",
        "version": "1.0.3",
        "actor": {"objectType": "Agent", "account": {"homePage": "https://lms", "name": "ada"}},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/experienced"},
        "object": {"id": "http://example.org/page"},
        "timestamp": "2026-03-04T09:59:00.000+01:00",
    })
}

/// The valid statement with the value at a JSON pointer replaced.
fn with(pointer: &str, value: Value) -> String {
    let mut statement = sound();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = statement.pointer_mut(parent).expect("the place");
    parent[name] = value;
    statement.to_string()
}

fn is_timed(statement: &str) -> bool {
    let settings = Settings::default();
    let decoded = decode_standard_xapi(statement.as_bytes(), "", &context(&settings));
    decoded
        .unwrap_or_else(|refusal| panic!("{statement}: {refusal:?}"))
        .1
}

#[test]
fn what_keeps_to_the_standard_is_taken() {
    let hash = "0123456789abcdefABCDEF0123456789abcdef01";
    for statement in [
        sound().to_string(),
        with("/id", json!("5F7B1F9E-0000-4000-8000-000000000001")),
        with("/id", Value::Null),
        with("/version", json!("1.0")),
        with("/version", json!("2.0.0")),
        with("/actor", json!({"mbox": "mailto:ada@example.org"})),
        with("/actor", json!({"mbox_sha1sum": hash})),
        with(
            "/actor",
            json!({"openid": "https://ada.example.org", "mbox": null}),
        ),
        with(
            "/actor",
            json!({"objectType": "Group", "mbox": "mailto:team@example.org", "member": []}),
        ),
        with("/verb/id", json!("https://example.org/verbs/dérivé")),
        with("/verb/id", json!("urn:verb:seen")),
        with("/object/id", json!("course-v1:FUN+1")),
        with(
            "/object",
            json!({"objectType": "StatementRef", "id": "5f7b1f9e-0000-4000-8000-000000000002"}),
        ),
        with(
            "/object",
            json!({"objectType": "Agent", "mbox": "mailto:bo@example.org"}),
        ),
        with("/timestamp", json!("2026-03-04T09:59Z")),
        with(
            "/result",
            json!({"score": {"scaled": -1, "min": -5, "raw": -2, "max": -2}}),
        ),
    ] {
        assert!(is_timed(&statement));
    }
    assert!(!is_timed(&with("/timestamp", Value::Null)));
}

/// A JSON pointer, the value there, the reason of the refusal and its detail.
type Fault = (&'static str, Value, Reason, &'static str);

fn faults_of_who() -> Vec<Fault> {
    use Reason::*;
    let two = json!({"mbox": "mailto:a@b", "openid": "https://a"});
    vec![
        ("/id", json!("7"), SchemaMismatch, "id must be a UUID"),
        (
            "/id",
            json!("5f7b1f9e000040008000000000000001"),
            SchemaMismatch,
            "a UUID",
        ),
        ("/version", json!("0.9"), SchemaMismatch, "version must be"),
        ("/version", json!(1.0), SchemaMismatch, "version must be"),
        ("/actor", two, SchemaMismatch, "not mbox and openid"),
        (
            "/actor",
            json!({"objectType": "Group", "member": []}),
            MissingField,
            "actor",
        ),
        (
            "/actor/objectType",
            json!("Person"),
            SchemaMismatch,
            "Agent or Group",
        ),
        (
            "/actor/account/homePage",
            Value::Null,
            MissingField,
            "homePage",
        ),
        (
            "/actor/account/homePage",
            json!(""),
            MissingField,
            "homePage",
        ),
        (
            "/actor",
            json!({"mbox": "ada@example.org"}),
            SchemaMismatch,
            "mailto:",
        ),
        (
            "/actor",
            json!({"mbox_sha1sum": "abc"}),
            SchemaMismatch,
            "40 hex",
        ),
        ("/actor", json!({"openid": "ada"}), SchemaMismatch, "an IRI"),
    ]
}

fn faults_of_what() -> Vec<Fault> {
    use Reason::*;
    vec![
        (
            "/verb/id",
            json!("experienced"),
            SchemaMismatch,
            "verb.id must be an IRI",
        ),
        (
            "/verb/id",
            json!("http://a b"),
            SchemaMismatch,
            "verb.id must be an IRI",
        ),
        ("/object", Value::Null, MissingField, "missing object"),
        ("/object", json!({}), MissingField, "object.id"),
        (
            "/object/objectType",
            json!("Thing"),
            SchemaMismatch,
            "object.objectType",
        ),
        (
            "/timestamp",
            json!("2026-03-04T09:59:00-00:00"),
            BadTimestamp,
            "unknown offset",
        ),
        (
            "/result",
            json!({"score": {"scaled": 1.1}}),
            ValueOutOfRange,
            "from -1 to 1",
        ),
        (
            "/result",
            json!({"score": {"min": 2, "raw": 1, "max": 3}}),
            ValueOutOfRange,
            "between",
        ),
        (
            "/result",
            json!({"score": {"raw": 4, "max": 3}}),
            ValueOutOfRange,
            "between",
        ),
    ]
}

#[test]
fn what_breaks_the_standard_is_refused_with_its_reason() {
    let settings = Settings::default();
    for (pointer, value, reason, detail) in faults_of_who().into_iter().chain(faults_of_what()) {
        let statement = with(pointer, value);
        let decoded = decode_standard_xapi(statement.as_bytes(), "moodle", &context(&settings));
        if let Err(refusal) = &decoded {
            assert_eq!(refusal.source, "moodle", "{statement}");
        }
        refused(decoded.map(|(event, _)| event), reason, detail);
    }
}

#[test]
fn what_is_nested_deeper_than_readers_go_is_no_json() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let statement = sound()
        .to_string()
        .replacen('{', &format!("{{\"deep\":{deep},"), 1);
    assert!(
        xapi(&statement).is_ok(),
        "files of statements are read as far as needed"
    );
    let settings = Settings::default();
    let decoded = decode_standard_xapi(statement.as_bytes(), "", &context(&settings));
    refused(
        decoded.map(|(event, _)| event),
        Reason::Malformed,
        "recursion limit",
    );
}

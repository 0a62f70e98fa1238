//! The OpenAPI document: it holds every path, and nothing that the node does not do.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Home, http, tool, whole_number};

/// Each described operation: its method, path and description.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let mut operations = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("a path item") {
            operations.push((method.to_uppercase(), path.clone(), operation));
        }
    }
    assert!(operations.len() > 12, "{operations:?}");
    operations
}

/// All values of `$ref` in a document.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            found.extend(
                members
                    .get("$ref")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            );
            members
                .values()
                .for_each(|member| references(member, found));
        }
        Value::Array(elements) => elements.iter().for_each(|it| references(it, found)),
        _ => {}
    }
}

fn document(home: &Home) -> Value {
    let answer = http::send("GET", &home.url("/openapi.json"), &[], b"");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    answer.json()
}

#[test]
fn the_document_is_whole() {
    let home = Home::new(&["--shards", "1"]);
    let _node = home.start();
    let document = document(&home);
    let version = document["openapi"].as_str().expect("a version");
    assert!(version.starts_with("3.1."), "{version}");
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 10, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("a local reference");
        assert!(
            document.pointer(pointer).is_some(),
            "{reference} leads nowhere"
        );
    }
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().expect("an id");
        assert!(ids.insert(id), "{id} stands twice");
        let about = operation["summary"].as_str().unwrap_or_default();
        assert!(!about.is_empty(), "{method} {path} says nothing");
    }
}

/// A described path that is not routed is answered with 404 and `not_found` for the path, another
/// method with 405.
#[test]
fn every_described_operation_is_served_and_no_other_method() {
    let home = Home::new(&["--shards", "1"]);
    let _node = home.start();
    let document = document(&home);
    let paths = document["paths"].as_object().expect("paths");
    for (path, item) in paths {
        // A watch never ends.
        if path.ends_with("/watch") {
            continue;
        }
        let url = home.url(&path.replace("{id}", "absent"));
        let described: Vec<String> = item
            .as_object()
            .expect("a path item")
            .keys()
            .map(|method| method.to_uppercase())
            .collect();
        // OPTIONS is answered for pages of other origins, whatever the path.
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let answer = http::send(method, &url, &[], b"");
            let is_unknown = answer.status == 404 && answer.text().contains("at this path");
            let is_served = answer.status != 405 && !is_unknown;
            let is_described = described.iter().any(|it| it == method);
            assert_eq!(
                is_served, is_described,
                "{method} {path}: {}",
                answer.status
            );
            let known = &item[method.to_lowercase()]["responses"];
            let is_known = !known[answer.status.to_string()].is_null();
            assert!(
                is_known || !is_described,
                "{method} {path}: {}",
                answer.status
            );
        }
    }
}

/// A read names its parameters when it gets an unknown one: those are the described ones.
#[test]
fn the_described_parameters_are_those_that_are_taken() {
    let home = Home::new(&["--shards", "1"]);
    let _node = home.start();
    let document = document(&home);
    let mut reads = 0;
    for (method, path, operation) in operations(&document) {
        let is_read = method == "GET" && path.starts_with("/v1/");
        if !is_read {
            continue;
        }
        reads += 1;
        let url = home.url(&format!("{}?unknown=1", path.replace("{id}", "absent")));
        let answer = http::send("GET", &url, &[], b"");
        assert_eq!(answer.status, 400, "{path}");
        let message = answer.json()["error"]["message"].clone();
        let message = message.as_str().expect("a message");
        let (_, taken) = message.split_once("this path takes ").expect("a list");
        let taken: BTreeSet<&str> = taken.split(", ").collect();
        let parameters = operation["parameters"].as_array().expect("parameters");
        let query = parameters.iter().filter(|it| it["in"] == json!("query"));
        let described: BTreeSet<&str> = query.filter_map(|it| it["name"].as_str()).collect();
        assert_eq!(taken, described, "{path}");
    }
    assert_eq!(reads, 7);
}

/// What schemathesis checks. Left out are checks that take a schema for a promise to refuse or to
/// accept: events are judged one by one, behind status 200.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,missing_required_header,\
    unsupported_method,allow_header_conformance";

/// Events that fill every part of an answer, for the learner and the course of the examples.
fn some_activity() -> Value {
    let event = |at: u32, event_type: &str, more: Value| {
        let mut event = json!({
            "eventId": format!("e{at}"), "userId": "ada", "sessionId": "s", "courseId": "algebra",
            "timestamp": format!("2025-03-05T08:00:{at:02}Z"), "eventType": event_type,
            "source": "lms", "objectId": "item", "skillId": "halves",
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            event[name] = value.clone();
        }
        event
    };
    let wrong = json!({"success": false});
    json!([
        event(0, "enrolled", json!({})),
        event(1, "page_view", json!({"metadata": {"browser": "x"}})),
        event(2, "video_played", json!({"lengthMs": 60_000})),
        event(9, "video_paused", json!({})),
        event(
            10,
            "quiz_submitted",
            json!({"score": 1, "maxScore": 2, "attemptId": "a"})
        ),
        event(11, "question_answered", wrong.clone()),
        event(12, "question_answered", wrong.clone()),
        event(13, "question_answered", wrong),
    ])
}

/// Some 1,500 requests made of the document: valid ones and faulty ones, all of a fixed seed. No
/// answer is a 5xx, and none has a status, type, header or body that the document does not have.
#[test]
fn fuzzed_requests_get_described_answers() {
    if !tool::is_there("schemathesis", "schemathesis of PyPI") {
        return;
    }
    let home = Home::new(&["--shards", "2"]);
    let node = home.start();
    let body = some_activity().to_string();
    let json = ("Content-Type", "application/json");
    let answer = http::post(&home.url("/v1/events"), &[json], body.as_bytes());
    assert_eq!(answer.json()["accepted"], json!(8), "{}", answer.text());
    let seed = whole_number("HOMEROOM_SEED").unwrap_or(1).to_string();
    println!("seed {seed}: HOMEROOM_SEED={seed} cargo test --workspace --test scenarios fuzzed");
    let said = tool::said(
        Command::new("schemathesis")
            .current_dir(home.folder())
            .args([
                "run",
                &home.url("/openapi.json"),
                "--no-color",
                "--seed",
                &seed,
            ])
            .args([
                "--checks",
                CHECKS,
                "--continue-on-failure",
                "--max-examples",
                "25",
            ])
            .args(["--phases", "examples,coverage,fuzzing"])
            // A watch never ends.
            .args(["--exclude-path-regex", "/watch$"])
            // A busy machine is no fault of the node.
            .args(["--suppress-health-check", "all", "--request-timeout", "60"])
            .args(["--generation-database", "none"]),
    );
    assert!(said.contains("12 selected"), "{said}");
    assert!(!said.contains("Unresolvable"), "{said}");
    assert!(node.stop().success());
}

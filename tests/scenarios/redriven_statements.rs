//! Re-driven statements are read as when they were received, with that time as their arrival.

use homeroom_client::Batch;
use homeroom_client::v1::{EventStatus, RawEvents, RawFormat};
use serde_json::{Value, json};

use crate::harness::events::{client, profile};
use crate::harness::letters::{all, assert_counts, reasons, redrive};
use crate::harness::{Home, http};
use crate::refusal_cases::statement;

fn post(home: &Home, body: &Value) -> http::Answer {
    let headers = [
        ("Content-Type", "application/json"),
        ("X-Experience-API-Version", "1.0.3"),
    ];
    let url = home.url("/xAPI/statements");
    http::post(&url, &headers, body.to_string().as_bytes())
}

/// Has no timestamp and no id, and more points than the maximum.
fn nameless() -> Value {
    let mut statement = statement();
    statement["timestamp"] = Value::Null;
    statement["id"] = Value::Null;
    statement["result"]["score"]["raw"] = 15.into();
    statement
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_time_it_has_that_of_its_arrival() {
    let home = Home::new(&["--shards", "1"]);
    let _node = home.start();
    let (client, cli) = (client(&home), home.cli());
    let raw = RawEvents {
        format: RawFormat::XapiJson.into(),
        payloads: vec![nameless().to_string().into()],
        source: "moodle".to_owned(),
    };
    let outcomes = client.publish(&Batch::Raw(raw)).await.expect("an outcome");
    assert_eq!(outcomes[0].status(), EventStatus::DeadLettered);
    let refused_ms = all(&cli)[0]["refusedMs"].as_i64().expect("a time");

    cli.json(&["settings", "set", "sources.moodle.extra-credit=true"]);
    let summary = redrive(&cli, &[]);
    assert_counts(&summary, &[("matched", 1), ("accepted", 1)]);
    let profile = profile(&client, "ada").await.expect("a learner");
    assert_eq!((profile.events, profile.last_event_ms), (1, refused_ms));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_standard_refuses_stays_refused_and_takes_no_id() {
    let home = Home::new(&["--shards", "1"]);
    let _node = home.start();
    let cli = home.cli();
    let mut unsound = statement();
    unsound["result"] = json!({"score": {"raw": 5, "max": 10, "min": 6}});
    let answer = post(&home, &unsound);
    assert_eq!(answer.error(), (400, "statements_refused".to_owned()));
    let letters = all(&cli);
    assert_eq!(letters[0]["format"], "XAPI_JSON", "{letters:?}");

    assert_counts(&redrive(&cli, &["--dry-run"]), &[("matched", 1)]);
    let summary = redrive(&cli, &[]);
    assert_counts(&summary, &[("matched", 1), ("deadLettered", 1)]);
    assert_eq!(reasons(&cli), ["VALUE_OUT_OF_RANGE"]);
    assert_eq!(all(&cli), letters, "as it was");
    let mended = post(&home, &statement());
    assert_eq!(mended.status, 200, "{}", mended.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stood_twice_in_its_request_has_nothing_wrong_by_itself() {
    let home = Home::new(&["--shards", "1"]);
    let _node = home.start();
    let cli = home.cli();
    let answer = post(&home, &json!([statement(), statement()]));
    assert_eq!(answer.error(), (400, "statements_refused".to_owned()));
    let summary = redrive(&cli, &[]);
    assert_counts(&summary, &[("matched", 1), ("accepted", 1)]);
    assert_eq!(post(&home, &statement()).status, 200, "a duplicate");
}

//! Statements sent in once more: as at the door that refused them, and of the time at which they came.

use homeroom_client::Batch;
use homeroom_client::v1::{EventStatus, RawEvents, RawFormat};
use serde_json::Value;

use crate::harness::events::{client, profile};
use crate::harness::letters::{all, assert_told, redrive};
use crate::harness::Home;
use crate::refusal_cases::statement;

/// Says neither when it happened nor which one it is, and has more points than there are.
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
    let told = redrive(&cli, &[]);
    assert_told(&told, &[("matched", 1), ("accepted", 1)]);
    let profile = profile(&client, "ada").await.expect("a learner");
    assert_eq!((profile.events, profile.last_event_ms), (1, refused_ms));
}

//! Authority: only the authoritative source's events of a type count; those of other sources are
//! shadowed.

use homeroom_client::v1::{self, EventStatus};

use crate::harness::events::{HOUR_MS, client, minutes, publish, quiz};
use crate::harness::{Home, check};

fn of(source: &str, event: v1::Event) -> v1::Event {
    v1::Event {
        source: source.to_owned(),
        ..event
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_sources_word_is_seen_and_does_not_count() {
    let home = Home::new(&["--shards", "2"]);
    let node = home.start();
    let settings = home.cli().json(&[
        "settings",
        "set",
        "authority.quiz_submitted=assessment,exam",
    ]);
    let named = &settings["authority"]["quiz_submitted"]["sources"];
    assert_eq!(
        named,
        &serde_json::json!(["assessment", "exam"]),
        "{settings}"
    );
    let client = client(&home);
    let result = || quiz("ada", "result", HOUR_MS);
    let statuses = async |events: Vec<v1::Event>| -> Vec<EventStatus> {
        publish(&client, events)
            .await
            .iter()
            .map(v1::EventOutcome::status)
            .collect()
    };
    let (shadowed, accepted) = (EventStatus::Shadowed, EventStatus::Accepted);
    let outcomes = statuses(vec![
        of("lms", result()),
        of("lms", result()),
        of("lms", quiz("bo", "1", HOUR_MS)),
    ])
    .await;
    assert_eq!(
        outcomes, [shadowed; 3],
        "a shadowed event claims no identity, so its copy is shadowed too"
    );
    assert!(minutes(&client, "ada").await.is_empty());
    assert_eq!(statuses(vec![of("assessment", result())]).await, [accepted]);
    assert_eq!(
        statuses(vec![of("lms", result())]).await,
        [EventStatus::Duplicate],
        "now it is known"
    );
    assert_eq!(minutes(&client, "ada").await[0].quiz_count, 1);
    node.kill();

    let _node = home.start();
    assert_eq!(
        statuses(vec![of("lms", quiz("ada", "2", HOUR_MS))]).await,
        [shadowed],
        "settings survive"
    );
    home.cli()
        .json(&["settings", "set", "authority.quiz_submitted="]);
    assert_eq!(
        statuses(vec![of("lms", quiz("ada", "2", HOUR_MS))]).await,
        [accepted],
        "everybody's word again"
    );
    let sources = check::conserved(&home.cli());
    let lms = sources
        .iter()
        .find(|source| source["source"] == "lms")
        .expect("counters");
    assert_eq!(
        (&lms["received"], &lms["shadowed"], &lms["accepted"]),
        (&6.into(), &4.into(), &1.into())
    );
}

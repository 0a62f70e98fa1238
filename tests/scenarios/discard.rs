//! Dead letters discarded on request: still counted, never listed again.

use homeroom_client::v1::{self, EventStatus};

use crate::harness::events::{HOUR_MS, client, event, publish};
use crate::harness::letters::{all, discard, reasons};
use crate::harness::{Home, check};

/// Without a type, so refused as `missing_field`.
fn typeless(source: &str, event_id: &str) -> v1::Event {
    v1::Event {
        source: source.to_owned(),
        ..event("ada", event_id, HOUR_MS, "")
    }
}

/// Dated in the future.
fn early(event_id: &str) -> v1::Event {
    event("bo", event_id, i64::from(i32::MAX) * 1_000, "click")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_matches_is_forgotten_and_stays_counted() {
    let home = Home::new(&["--shards", "3"]);
    let node = home.start();
    let (client, cli) = (client(&home), home.cli());
    let letters = vec![
        typeless("lms", "1"),
        typeless("lms", "2"),
        typeless("tool", "1"),
        early("1"),
    ];
    publish(&client, letters.clone()).await;
    let kept = all(&cli);
    let summary = discard(&cli, &["--source", "lms", "--dry-run"]);
    assert_eq!(summary["discarded"], 3, "{summary}");
    let bytes = summary["discardedBytes"].as_u64().expect("bytes");
    assert_eq!(all(&cli), kept, "a dry run changes nothing");

    let summary = discard(&cli, &["--source", "lms", "--reason", "missing_field"]);
    assert_eq!(summary["discarded"], 2, "{summary}");
    assert!(
        summary["discardedBytes"]
            .as_u64()
            .is_some_and(|some| 0 < some && some < bytes)
    );
    assert_eq!(reasons(&cli), ["FUTURE_TIMESTAMP", "MISSING_FIELD"]);
    let first_ms = kept.iter().map(|letter| letter["refusedMs"].as_i64()).min();
    let first_ms = first_ms.flatten().expect("a time").to_string();
    assert_eq!(discard(&cli, &["--to", &first_ms])["discarded"], 0);
    let summary = cli.json(&["dead-letters", "summary"]);
    assert!(
        summary["groups"]
            .as_array()
            .expect("groups")
            .iter()
            .all(|group| group["expired"] == 0),
        "{summary}"
    );
    let lms = check::balanced(&cli).remove(0);
    assert_eq!(
        (&lms["source"], &lms["deadLettered"]),
        (&"lms".into(), &3.into()),
        "still counted"
    );
    // Recovered from the log alone, then from a checkpoint and the entries after it.
    node.kill();
    let node = home.start();
    assert_eq!(reasons(&cli), ["FUTURE_TIMESTAMP", "MISSING_FIELD"]);
    cli.json(&["cluster", "checkpoint"]);
    assert_eq!(discard(&cli, &["--from", &first_ms])["discarded"], 2);
    cli.json(&["cluster", "checkpoint"]);
    node.kill();
    let _node = home.start();
    assert!(all(&cli).is_empty());

    for outcome in publish(&client, letters).await {
        assert_eq!(outcome.status(), EventStatus::DeadLettered, "{outcome:?}");
    }
    assert_eq!(all(&cli).len(), 4, "forgotten, so refused anew");
    check::balanced(&cli);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_are_discarded_only_on_request() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    publish(&client(&home), vec![typeless("lms", "1"), early("1")]).await;
    let cli = home.cli();
    let refused = cli.run(&["dead-letters", "discard"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("--all"), "{said}");
    assert_eq!(all(&cli).len(), 2);
    assert_eq!(discard(&cli, &["--dry-run"])["discarded"], 2);
    assert_eq!(discard(&cli, &["--all"])["discarded"], 2);
    assert_eq!(discard(&cli, &["--all"])["discarded"], 0);
    assert!(all(&cli).is_empty());
}

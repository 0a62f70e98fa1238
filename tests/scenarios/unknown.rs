//! An outcome that is unknown is said to be unknown, and resolves when the events are sent again. A
//! suspended node (SIGSTOP) stands for one that hangs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use homeroom_proto::v1::ingest_service_client::IngestServiceClient;
use homeroom_proto::{encoded, v1};
use serde_json::Value;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::harness::events::{HOUR_MS, click, client, connect, profile, publish};
use crate::harness::{Home, Node};

/// Publishers at once, so that some proposal is in flight whenever the node is suspended.
const PUBLISHERS: usize = 8;
/// Longer than the deadline of a proposal.
const SUSPENDED: Duration = Duration::from_millis(400);
const ROUNDS: usize = 50;

/// The answers to events that publishers sent, one at a time.
#[derive(Debug, Default)]
struct Answers {
    acknowledged: BTreeSet<String>,
    unknown: BTreeSet<String>,
    /// Not written.
    refused: BTreeSet<String>,
}

/// Publishes events until `stop` is set.
async fn publish_on(
    home: Arc<Home>,
    name: usize,
    acks: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
) -> Answers {
    let mut service = IngestServiceClient::new(connect(&home).await);
    let mut answers = Answers::default();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let id = format!("event-{name}-{number}");
        let event = click("ada", &id, HOUR_MS + number);
        let request = v1::PublishRequest {
            events: encoded(&[event]),
            raw: None,
        };
        match service.publish(request).await {
            Ok(answer) => {
                let outcomes = answer.into_inner().outcomes;
                assert_eq!(outcomes[0].status(), v1::EventStatus::Accepted);
                acks.fetch_add(1, Ordering::Relaxed);
                answers.acknowledged.insert(id);
            }
            Err(status) if reason(&status) == "OUTCOME_UNKNOWN" => {
                check_unknown(&status);
                answers.unknown.insert(id);
            }
            Err(status) => {
                assert_eq!(status.code(), Code::Unavailable, "{status:?}");
                assert!(
                    ["OVERDUE", "NOT_LEADER"].contains(&&*reason(&status)),
                    "{status:?}"
                );
                answers.refused.insert(id);
            }
        }
    }
    answers
}

fn reason(status: &Status) -> String {
    let info = status.get_details_error_info();
    info.map(|info| info.reason).unwrap_or_default()
}

fn check_unknown(status: &Status) {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert!(status.get_details_retry_info().is_some(), "{status:?}");
    assert!(status.message().contains("unknown"), "{status:?}");
    assert!(
        status.message().contains("again"),
        "it says what to do: {status:?}"
    );
}

/// Publishes while the node is suspended once, for longer than the deadline of a proposal.
async fn suspended_once(home: &Arc<Home>, node: &Node, round: usize) -> Answers {
    let (acks, stop) = (Arc::default(), Arc::default());
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|number| {
            let name = round * PUBLISHERS + number;
            let (acks, stop) = (Arc::clone(&acks), Arc::clone(&stop));
            tokio::spawn(publish_on(Arc::clone(home), name, acks, stop))
        })
        .collect();
    while acks.load(Ordering::Relaxed) < PUBLISHERS * 4 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    node.suspend();
    tokio::time::sleep(SUSPENDED).await;
    node.resume();
    stop.store(true, Ordering::Relaxed);
    let mut all = Answers::default();
    for publisher in publishers {
        let answers = publisher.await.expect("no panic");
        all.acknowledged.extend(answers.acknowledged);
        all.unknown.extend(answers.unknown);
        all.refused.extend(answers.refused);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proposal_past_its_deadline_is_unknown_until_it_is_sent_again() {
    let home = Home::new(&["--shards", "1"]).with("ingest.propose_deadline", "100ms");
    let home = Arc::new(home);
    let node = home.start();
    let mut all = Answers::default();
    for round in 0..ROUNDS {
        let answers = suspended_once(&home, &node, round).await;
        all.acknowledged.extend(answers.acknowledged);
        all.unknown.extend(answers.unknown);
        all.refused.extend(answers.refused);
        if !all.unknown.is_empty() {
            break;
        }
    }
    assert!(
        !all.unknown.is_empty(),
        "no proposal was in flight, {ROUNDS} times"
    );

    // A kill changes nothing of that.
    node.kill();
    let _node = home.start();
    let client = client(&home);
    let mut found = BTreeMap::new();
    let sent = all
        .acknowledged
        .iter()
        .chain(&all.unknown)
        .chain(&all.refused);
    for id in sent {
        let number = id
            .rsplit('-')
            .next()
            .and_then(|number| number.parse::<i64>().ok());
        let event = click("ada", id, HOUR_MS + number.expect("a number"));
        let outcome = publish(&client, vec![event]).await.remove(0);
        assert!(!outcome.conflicting, "{id}: {outcome:?}");
        found.insert(id.clone(), outcome.status());
    }
    for id in &all.acknowledged {
        assert_eq!(
            found[id],
            v1::EventStatus::Duplicate,
            "{id} was acknowledged"
        );
    }
    for id in &all.refused {
        assert_eq!(found[id], v1::EventStatus::Accepted, "{id} was not written");
    }
    let counted = profile(&client, "ada").await.expect("known").events;
    assert_eq!(counted, found.len() as u64, "each counts once: {all:?}");
}

fn ingest(home: &Home, file: &str) -> (Option<i32>, Value, String) {
    let arguments = ["ingest", "--retry-seconds", "1", file];
    let output = home.cli().run(&arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let document = serde_json::from_slice(&output.stdout).expect(&said);
    (output.status.code(), document, said)
}

#[test]
fn an_ingest_counts_what_stays_unknown_and_fails() {
    let home = Home::new(&["--shards", "2"]);
    let node = home.start();
    let file = home.folder().join("three.jsonl");
    let line = |number| {
        format!(
            r#"{{"eventId":"e{number}","userId":"u{number}","sessionId":"s","timestamp":"2025-03-05T10:00:00Z","eventType":"click","source":"lms"}}"#
        )
    };
    let lines: Vec<String> = (0..3).map(line).collect();
    std::fs::write(&file, lines.join("\n")).expect("a file");
    let file = file.to_str().expect("UTF-8");

    node.suspend();
    let (code, document, said) = ingest(&home, file);
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(
        (&document["unknown"], &document["received"]),
        (&3.into(), &0.into())
    );
    assert!(said.contains("3 more may or may not be stored"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    node.resume();

    // Whatever became of it, sending it again settles it.
    let (code, document, said) = ingest(&home, file);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        (&document["unknown"], &document["received"]),
        (&0.into(), &3.into())
    );
    let plain = home.cli().run_plain(&["ingest", file]);
    let text = String::from_utf8(plain.stdout).expect("UTF-8");
    let row = text
        .lines()
        .find(|line| line.contains("unknown"))
        .expect(&text);
    assert!(row.contains('0'), "{text}");
    let counts = home.cli().json(&["dead-letters", "summary"]);
    assert_eq!(counts["sources"][0]["accepted"], 3, "{counts}");

    // Nothing listens: certainly nothing is stored.
    node.kill();
    let (code, document, said) = ingest(&home, file);
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(
        (&document["unknown"], &document["notStored"]),
        (&0.into(), &3.into())
    );
}

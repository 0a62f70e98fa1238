//! Publishing through a stream: acknowledgements in order, each with a position.

use std::collections::BTreeMap;

use homeroom_proto::encoded;
use homeroom_proto::v1::ingest_service_client::IngestServiceClient;
use homeroom_proto::v1::{self, EventStatus, PublishStreamRequest, RawEvents, RawFormat};

use crate::harness::Home;
use crate::harness::events::{HOUR_MS, click, client, minutes, quiz};

const BATCHES: u64 = 100;

/// The sender chooses its numbers; they need not ascend.
fn sequence(number: u64) -> u64 {
    (BATCHES - number) * 7
}

fn batch(number: u64) -> PublishStreamRequest {
    let learner = |index: u64| format!("learner-{}", (number + index) % 13);
    let at_ms = HOUR_MS + i64::try_from(number).expect("few");
    let id = |index: u64| format!("{number}-{index}");
    let raw = format!(
        r#"{{"eventId":"raw-{number}","userId":"{}","sessionId":"s","timestamp":"2025-03-05T08:00:00Z","eventType":"click","source":"lms"}}"#,
        learner(2)
    );
    PublishStreamRequest {
        sequence: sequence(number),
        // The second event is the same in all batches of its learner.
        events: encoded(&[
            click(&learner(0), &id(0), at_ms),
            quiz(&learner(1), "quiz", HOUR_MS),
        ]),
        raw: Some(RawEvents {
            format: RawFormat::NativeJson.into(),
            payloads: vec![raw.into(), "{".into()],
            source: String::new(),
        }),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_are_acknowledged_in_order_with_positions() {
    let home = Home::new(&["--shards", "4"]);
    let _node = home.start();
    let mut ingest = IngestServiceClient::connect(home.endpoint())
        .await
        .expect("a connection");
    let batches = tokio_stream::iter((0..BATCHES).map(batch));
    let mut answers = ingest
        .publish_stream(batches)
        .await
        .expect("a stream")
        .into_inner();
    let client = client(&home);
    let mut newest: BTreeMap<u32, u64> = BTreeMap::new();
    let mut number = 0;
    while let Some(answer) = answers.message().await.expect("an acknowledgement") {
        assert_eq!(answer.sequence, sequence(number));
        let statuses: Vec<EventStatus> = answer
            .outcomes
            .iter()
            .map(v1::EventOutcome::status)
            .collect();
        let quiz = if number < 13 {
            EventStatus::Accepted
        } else {
            EventStatus::Duplicate
        };
        let broken = if number == 0 {
            EventStatus::DeadLettered
        } else {
            EventStatus::Duplicate
        };
        assert_eq!(
            statuses,
            [EventStatus::Accepted, quiz, EventStatus::Accepted, broken],
            "batch {number}"
        );
        assert_eq!(answer.outcomes[3].reason(), v1::DeadLetterReason::Malformed);
        let position = answer.position.expect("a position");
        assert!(!position.shards.is_empty());
        for at in &position.shards {
            let before = newest.insert(at.shard, at.index).unwrap_or_default();
            assert!(at.index >= before, "positions of a shard never go back");
        }
        client.observe(&position).expect("one cluster");
        number += 1;
    }
    assert_eq!(number, BATCHES);
    let mut clicks = 0;
    for learner in 0..13 {
        let windows = minutes(&client, &format!("learner-{learner}")).await;
        clicks += windows.iter().map(|window| window.clicks).sum::<u64>();
    }
    assert_eq!(
        clicks,
        2 * BATCHES,
        "at the acknowledged positions all is there"
    );
}

//! `ingest` against a fake node that fails at random.

#[path = "../../../tests/common/mod.rs"]
mod common;

use std::collections::HashSet;
use std::io::Cursor;
use std::time::Duration;

use bytes::Bytes;
use common::{FakeNode, Mischief};
use homeroom_client::{Client, PublishError, PublisherOptions, RetryPolicy, v1};

use super::{IngestErrorKind, IngestOptions, ingest};

const DROPS: Mischief = Mischief {
    drop_before: 20,
    drop_after: 20,
    exhausted: 10,
    end: 10,
    unknown_events: 0,
    retry_events: 0,
};

fn options() -> IngestOptions {
    let retry = RetryPolicy {
        delay_min: Duration::from_millis(1),
        delay_max: Duration::from_millis(10),
    };
    let publisher = PublisherOptions {
        retry,
        batches_in_flight_max: 8,
        ..PublisherOptions::default()
    };
    IngestOptions {
        batch_count_max: 50,
        publisher,
        source: "s".into(),
        ..Default::default()
    }
}

fn lines(count: usize) -> (String, Vec<Bytes>) {
    let line = |n: usize| match n % 10 {
        0 => format!("bad-{n}"),
        _ => format!("{{\"n\":{n}}}"),
    };
    let lines: Vec<Bytes> = (0..count).map(|n| line(n).into()).collect();
    ((0..count).map(|n| line(n) + "\r\n").collect(), lines)
}

#[tokio::test]
async fn every_event_arrives_in_order_and_outcomes_add_up_whatever_breaks() {
    const EVENTS: usize = 20_000;
    let (input, expected) = lines(EVENTS);
    let mut reconnects = 0;
    for seed in 0..8 {
        let running = FakeNode::new(seed, DROPS).start();
        let client = Client::connect(vec![running.endpoint()]).expect("an endpoint");
        let input = Cursor::new(input.clone());
        let tally = ingest(&client, input, &options(), |_, _| {})
            .await
            .expect("published");
        let seen = running.node.seen.lock().expect("no panic");
        assert_eq!(
            seen.order, expected,
            "seed {seed}: once each, in the order of the input"
        );
        assert_eq!(tally.received(), EVENTS as u64, "seed {seed}");
        assert!(
            tally.duplicate > 0,
            "seed {seed}: taken, but the acknowledgement was lost"
        );
        assert!(tally.dead_lettered() <= EVENTS as u64 / 10);
        assert_eq!(client.position().index(0), Some(EVENTS as u64));
        assert_eq!(seen.sources, HashSet::from(["s".to_owned()]));
        reconnects += seen.connections - 1;
    }
    assert!(reconnects > 50, "the test breaks connections: {reconnects}");
}

#[tokio::test]
async fn events_that_the_node_sends_back_are_sent_again_until_they_are_taken() {
    const EVENTS: usize = 5_000;
    let (input, expected) = lines(EVENTS);
    for seed in 0..4 {
        let mischief = Mischief {
            retry_events: 30,
            drop_after: 5,
            ..Mischief::default()
        };
        let running = FakeNode::new(seed, mischief).start();
        let client = Client::connect(vec![running.endpoint()]).expect("an endpoint");
        let input = Cursor::new(input.clone());
        let tally = ingest(&client, input, &options(), |_, _| {})
            .await
            .expect("published");
        let seen = running.node.seen.lock().expect("no panic");
        let taken: HashSet<_> = seen.order.iter().collect();
        assert_eq!(taken, expected.iter().collect(), "seed {seed}");
        assert_eq!(tally.received(), EVENTS as u64, "seed {seed}");
    }
}

#[tokio::test]
async fn a_node_that_is_killed_and_started_again_is_found_again() {
    const EVENTS: usize = 40_000;
    let (input, expected) = lines(EVENTS);
    let node = FakeNode::new(1, Mischief::default());
    let running = node.clone().start();
    let (client, address) = (
        Client::connect(vec![running.endpoint()]).expect("an endpoint"),
        running.address,
    );
    let options = options();
    let publishing = ingest(&client, Cursor::new(input), &options, |_, _| {});
    let restarting = async {
        while node.seen.lock().expect("no panic").order.len() < EVENTS / 4 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(running);
        tokio::time::sleep(Duration::from_millis(300)).await;
        node.clone().start_at(address)
    };
    let (tally, _running) = tokio::join!(publishing, restarting);
    assert_eq!(tally.expect("published").received(), EVENTS as u64);
    let seen = node.seen.lock().expect("no panic");
    assert_eq!((seen.connections, &seen.order), (2, &expected));
}

#[tokio::test]
async fn the_next_endpoint_is_taken_when_one_is_dead() {
    let dead = "http://127.0.0.1:1".parse().expect("an address");
    let running = FakeNode::new(1, Mischief::default()).start();
    let client = Client::connect(vec![dead, running.endpoint()]).expect("endpoints");
    let (input, _) = lines(100);
    let tally = ingest(&client, Cursor::new(input), &options(), |_, _| {}).await;
    assert_eq!(tally.expect("published").received(), 100);
}

#[tokio::test]
async fn without_any_node_it_gives_up_and_says_why() {
    let dead = "http://127.0.0.1:1".parse().expect("an address");
    let client = Client::connect(vec![dead]).expect("an endpoint");
    let mut options = options();
    options.publisher.give_up_after = Duration::from_millis(200);
    let mut troubled = false;
    let result = ingest(&client, Cursor::new("{}\n"), &options, |_, trouble| {
        troubled |= trouble.is_some();
    });
    let error = result.await.expect_err("there is no node");
    assert!(troubled && error.tally.received() == 0);
    let IngestErrorKind::Publish(error) = error.kind else {
        panic!("unexpected {error:?}");
    };
    assert!(error.is_retryable());
    let PublishError::NoProgress {
        last: Some(last), ..
    } = error
    else {
        panic!("unexpected {error:?}");
    };
    assert!(last.could_not_connect() && last.has_no_side_effects());
    assert!(last.to_string().contains("refused"), "{last}");
}

#[tokio::test]
async fn an_endless_line_is_refused_as_oversized_and_harms_no_other() {
    let running = FakeNode::new(1, Mischief::default()).start();
    let client = Client::connect(vec![running.endpoint()]).expect("an endpoint");
    let input = format!("{{\"actor\":1,\"verb\":2}}\n{}\n{{}}", "x".repeat(5 << 20));
    let tally = ingest(&client, Cursor::new(input), &options(), |_, _| {}).await;
    let tally = tally.expect("published");
    assert_eq!((tally.accepted, tally.dead_lettered()), (2, 1));
    let reasons: Vec<_> = tally.dead_lettered_by_reason().collect();
    assert_eq!(reasons, [("oversized".to_owned(), 1)]);
    let formats = &running.node.seen.lock().expect("no panic").formats;
    assert_eq!(*formats, HashSet::from([v1::RawFormat::XapiJson as i32]));
}

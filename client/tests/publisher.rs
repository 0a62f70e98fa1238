//! The publisher against a fake node that fails at random.

mod common;

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use common::{FakeNode, Mischief};
use homeroom_client::{
    Batch, CallError, Client, ClientOptions, PublishError, PublisherOptions, RetryPolicy, Tally, v1,
};

fn options() -> PublisherOptions {
    let retry = RetryPolicy {
        delay_min: Duration::from_millis(1),
        delay_max: Duration::from_millis(10),
    };
    PublisherOptions {
        retry,
        batches_in_flight_max: 8,
        ..PublisherOptions::default()
    }
}

#[tokio::test]
async fn outcomes_come_for_each_batch_in_its_own_order() {
    let mischief = Mischief {
        retry_events: 100,
        drop_before: 50,
        ..Mischief::default()
    };
    let running = FakeNode::new(7, mischief).start();
    let client = Client::connect(vec![running.endpoint()]).expect("an endpoint");
    let (mut publisher, mut acknowledgements) = client.publisher(options());
    let publishing = async {
        for batch in 0..50 {
            let payloads = ["a", "bad", "c"].map(|name| Bytes::from(format!("{name}-{batch}")));
            let raw = v1::RawEvents {
                payloads: payloads.into(),
                ..Default::default()
            };
            assert_eq!(
                publisher.send(Batch::Raw(raw)).await.expect("running"),
                batch
            );
        }
        publisher.finish().await.expect("published")
    };
    let counting = async {
        let mut tickets = HashSet::new();
        while let Some(acknowledgement) = acknowledgements.next().await {
            assert!(tickets.insert(acknowledgement.ticket), "acknowledged once");
            let refused = acknowledgement
                .outcomes
                .iter()
                .map(|outcome| outcome.reason != 0);
            assert_eq!(refused.collect::<Vec<_>>(), [false, true, false]);
        }
        tickets.len()
    };
    let (position, acknowledged) = tokio::join!(publishing, counting);
    assert_eq!((position.index(0), acknowledged), (Some(150), 50));
}

#[tokio::test]
async fn nodes_of_two_clusters_are_told_apart() {
    let ours = FakeNode::new(1, Mischief::default()).start();
    let mut theirs = FakeNode::new(1, Mischief::default());
    theirs.cluster_id = "other";
    let theirs = theirs.start();
    let client = Client::connect(vec![theirs.endpoint()]).expect("an endpoint");
    let first = Client::connect(vec![ours.endpoint()]).expect("an endpoint");
    let batch = Batch::Raw(v1::RawEvents {
        payloads: vec!["{}".into()],
        ..Default::default()
    });
    first.publish(&batch).await.expect("published");
    client
        .observe(&first.position().to_token().expect("acknowledged"))
        .expect("empty before");
    let error = client.publish(&batch).await.expect_err("another cluster");
    assert!(!error.is_retryable() && !error.has_no_side_effects());
}

#[tokio::test]
async fn a_single_batch_is_published_through_failures() {
    let mischief = Mischief {
        drop_before: 200,
        retry_events: 200,
        ..Mischief::default()
    };
    let running = FakeNode::new(3, mischief).start();
    let client = Client::connect(vec![running.endpoint()]).expect("an endpoint");
    for batch in 0..20 {
        let payloads = (0..20).map(|n| format!("{batch}-{n}").into()).collect();
        let batch = Batch::Raw(v1::RawEvents {
            payloads,
            ..Default::default()
        });
        let outcomes = client.publish(&batch).await.expect("published");
        let accepted = v1::EventStatus::Accepted as i32;
        assert!(outcomes.iter().all(|outcome| outcome.status == accepted));
    }
    assert_eq!(running.node.seen.lock().expect("no panic").order.len(), 400);
}

#[tokio::test]
async fn an_idle_publisher_outlives_the_loss_of_its_node() {
    let node = FakeNode::new(1, Mischief::default());
    let running = node.clone().start();
    let address = running.address;
    let client = Client::connect(vec![running.endpoint()]).expect("an endpoint");
    let give_up_after = Duration::from_millis(500);
    let (mut publisher, mut acknowledgements) = client.publisher(PublisherOptions {
        give_up_after,
        ..options()
    });
    let batch = |name: &'static str| {
        let payloads = vec![name.into()];
        Batch::Raw(v1::RawEvents {
            payloads,
            ..Default::default()
        })
    };
    publisher.send(batch("first")).await.expect("running");
    acknowledgements.next().await.expect("acknowledged");
    tokio::time::sleep(give_up_after * 2).await;
    drop(running);
    tokio::time::sleep(give_up_after).await;
    let _running = node.clone().start_at(address);
    publisher
        .send(batch("second"))
        .await
        .expect("still running");
    acknowledgements.next().await.expect("acknowledged");
    publisher.finish().await.expect("published");
}

fn three(name: &str) -> Batch {
    let payloads = (0..3).map(|number| format!("{name}-{number}").into());
    Batch::Raw(v1::RawEvents {
        payloads: payloads.collect(),
        ..Default::default()
    })
}

#[tokio::test]
async fn an_unknown_outcome_is_resolved_by_sending_again() {
    let mischief = Mischief {
        unknown_events: 300,
        retry_events: 100,
        drop_before: 50,
        ..Mischief::default()
    };
    let running = FakeNode::new(11, mischief).start();
    let client = Client::connect(vec![running.endpoint()]).expect("an endpoint");
    let (mut publisher, mut acknowledgements) = client.publisher(options());
    let publishing = async {
        for batch in 0..50 {
            let batch = three(&format!("streamed-{batch}"));
            publisher.send(batch).await.expect("running");
        }
        publisher.finish().await.expect("published");
    };
    let counting = async {
        let mut tally = Tally::default();
        while let Some(acknowledgement) = acknowledgements.next().await {
            tally.add(&acknowledgement.outcomes);
        }
        tally
    };
    let ((), mut tally) = tokio::join!(publishing, counting);
    for batch in 0..20 {
        let batch = three(&format!("single-{batch}"));
        tally.add(&client.publish(&batch).await.expect("published"));
    }
    assert_eq!((tally.unknown, tally.not_stored), (0, 0));
    assert_eq!(tally.accepted + tally.duplicate, 210);
    assert!(tally.duplicate > 0, "some were in all the same");
    assert_eq!(running.node.seen.lock().expect("no panic").order.len(), 210);
}

/// Publishes two batches that get no outcome, and returns what the acknowledgements say.
async fn given_up(endpoint: tonic::transport::Uri) -> Tally {
    let client = Client::connect(vec![endpoint]).expect("an endpoint");
    let (mut publisher, mut acknowledgements) = client.publisher(PublisherOptions {
        give_up_after: Duration::from_millis(300),
        ..options()
    });
    for name in ["a", "b"] {
        publisher.send(three(name)).await.expect("running");
    }
    let finished = tokio::spawn(publisher.finish());
    let (mut tally, mut tickets) = (Tally::default(), HashSet::new());
    while let Some(acknowledgement) = acknowledgements.next().await {
        assert!(tickets.insert(acknowledgement.ticket), "acknowledged once");
        tally.add(&acknowledgement.outcomes);
    }
    let error = finished.await.expect("no panic").expect_err("no outcome");
    assert!(matches!(error, PublishError::NoProgress { .. }), "{error}");
    assert_eq!(tickets.len(), 2);
    tally
}

#[tokio::test]
async fn what_a_publisher_gives_up_is_acknowledged_as_what_it_is() {
    // It stores each batch, and never says so.
    let silent = Mischief {
        drop_after: 1_000,
        ..Mischief::default()
    };
    let silent = FakeNode::new(1, silent).start();
    let tally = given_up(silent.endpoint()).await;
    assert_eq!(
        (tally.received(), tally.unknown, tally.not_stored),
        (0, 6, 0)
    );
    // Nothing listens on port 1: certainly nothing is stored.
    let tally = given_up(tonic::transport::Uri::from_static("http://127.0.0.1:1")).await;
    assert_eq!(
        (tally.received(), tally.unknown, tally.not_stored),
        (0, 0, 6)
    );
}

#[tokio::test]
async fn a_single_batch_says_what_stays_unknown() {
    let mischief = Mischief {
        unknown_events: 1_000,
        ..Mischief::default()
    };
    let running = FakeNode::new(1, mischief).start();
    let options = ClientOptions {
        deadline: Duration::from_millis(200),
        ..ClientOptions::default()
    };
    let client = Client::connect_with(vec![running.endpoint()], options).expect("an endpoint");
    let mut tally = Tally::default();
    let outcomes = client.publish(&three("x")).await.expect("outcomes");
    tally.add(&outcomes);
    // What the fake had stored, it calls a duplicate when it comes again.
    assert_eq!(tally.duplicate + tally.unknown, 3, "{outcomes:?}");

    let nowhere = vec![tonic::transport::Uri::from_static("http://127.0.0.1:1")];
    let client = Client::connect_with(nowhere, options).expect("an endpoint");
    let error = client.publish(&three("y")).await.expect_err("no node");
    assert!(matches!(error, CallError::TimedOut { .. }) && error.has_no_side_effects());
}

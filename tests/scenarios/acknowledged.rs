//! An acknowledged event survives a kill: checked with the client library's own acknowledgements.

use std::collections::BTreeMap;

use homeroom_client::{Batch, Client, PublisherOptions, v1};

use crate::harness::events::{HOUR_MS, click, client, minutes, profile, publish};
use crate::harness::{Home, Seed, check};

const BATCHES: usize = 200;
const BATCH: usize = 20;
const LEARNERS: usize = 17;

fn batch(number: usize) -> Vec<v1::Event> {
    let one = |index: usize| {
        let serial = number * BATCH + index;
        let at_ms = HOUR_MS + i64::try_from(serial).expect("few") * 250;
        click(
            &format!("learner-{}", serial % LEARNERS),
            &format!("event-{serial}"),
            at_ms,
        )
    };
    (0..BATCH).map(one).collect()
}

/// Publishes all batches until `acknowledged_max` of them are acknowledged. Returns the numbers of
/// the acknowledged batches.
async fn publish_some(client: &Client, acknowledged_max: usize) -> Vec<usize> {
    let (mut publisher, mut acknowledgements) = client.publisher(PublisherOptions::default());
    let sending = tokio::spawn(async move {
        for number in 0..BATCHES {
            if publisher
                .send(Batch::of_events(&batch(number)))
                .await
                .is_err()
            {
                break;
            }
        }
        publisher
    });
    let mut acknowledged = Vec::new();
    while acknowledged.len() < acknowledged_max {
        let Some(acknowledgement) = acknowledgements.next().await else {
            break;
        };
        for outcome in &acknowledgement.outcomes {
            assert_eq!(outcome.status(), v1::EventStatus::Accepted, "{outcome:?}");
        }
        acknowledged.push(usize::try_from(acknowledgement.ticket).expect("a ticket"));
    }
    // Aborted without closing the stream, as if the publishing process had died with the node.
    sending.abort();
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_after_a_kill() {
    let seed = Seed::of("acknowledged::what_was_acknowledged_is_there_after_a_kill");
    let home = Home::new(&["--shards", "4"]).with("checkpoint.interval", "100ms");
    let node = home.start();
    let acknowledged = publish_some(&client(&home), seed.rng().usize(1..BATCHES)).await;
    node.kill();

    let _node = home.start();
    let client = client(&home);
    for &number in &acknowledged {
        for outcome in publish(&client, batch(number)).await {
            assert_eq!(
                outcome.status(),
                v1::EventStatus::Duplicate,
                "batch {number} was acknowledged: {outcome:?}"
            );
            assert!(!outcome.conflicting, "{outcome:?}");
        }
    }
    // Publish every batch again: each must count exactly once.
    for number in 0..BATCHES {
        publish(&client, batch(number)).await;
    }
    let mut clicks: BTreeMap<String, u64> = BTreeMap::new();
    for event in (0..BATCHES).flat_map(batch) {
        *clicks.entry(event.user_id).or_default() += 1;
    }
    for (user_id, expected) in clicks {
        let counted: u64 = minutes(&client, &user_id)
            .await
            .iter()
            .map(|window| window.clicks)
            .sum();
        assert_eq!(counted, expected, "{user_id}");
    }
    check::conserved(&home.cli());
}

/// The publisher outlives its node. Events that it sends again are not counted again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_goes_on_after_a_restart() {
    let home = Home::new(&["--shards", "4"]);
    let mut node = home.start();
    let client = client(&home);
    let (mut publisher, mut acknowledgements) = client.publisher(PublisherOptions::default());
    let counting = tokio::spawn(async move {
        let (mut events, mut sent_again) = (0, 0);
        while let Some(acknowledgement) = acknowledgements.next().await {
            events += acknowledgement.outcomes.len();
            sent_again += usize::from(acknowledgement.attempts > 1);
        }
        (events, sent_again)
    });
    for number in 0..BATCHES {
        publisher
            .send(Batch::of_events(&batch(number)))
            .await
            .expect("a publisher that goes on");
        if number % 60 == 59 {
            node.kill();
            node = home.start();
        }
    }
    let position = publisher.finish().await.expect("all acknowledged");
    assert!(!position.is_empty());
    let (events, sent_again) = counting.await.expect("acknowledgements");
    assert_eq!(events, BATCHES * BATCH);
    assert!(
        sent_again > 0,
        "no kill fell between a batch and its acknowledgement"
    );
    let mut counted = 0;
    for number in 0..LEARNERS {
        let of = profile(&client, &format!("learner-{number}")).await;
        counted += of.map_or(0, |profile| profile.events);
    }
    assert_eq!(counted, u64::try_from(BATCHES * BATCH).expect("few"));
    check::conserved(&home.cli());
    assert!(node.stop().success());
}

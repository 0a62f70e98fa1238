//! Undecodable events among sound ones in one request: only they become dead letters, stored as
//! received.

use bytes::Bytes;
use homeroom_client::{Batch, PublisherOptions, v1};
use homeroom_proto::encoded;
use v1::{DeadLetterReason as Reason, EventStatus as Status};

use crate::harness::events::{HOUR_MS, click, client};
use crate::harness::{Home, check, letters};

/// Sound events first and last. The second broken one names its source before it breaks off.
fn batch() -> Batch {
    let mut events = encoded(&[click("ada", "1", HOUR_MS), click("ada", "2", HOUR_MS)]);
    let begun = [&events[0][..], b"\x42\x02\xff\xfe"].concat();
    events.insert(1, Bytes::from(begun));
    events.insert(1, Bytes::from_static(b"no message"));
    Batch::Events(events)
}

fn assert_outcomes(outcomes: &[v1::EventOutcome], expected: [Status; 4]) {
    let statuses: Vec<Status> = outcomes.iter().map(v1::EventOutcome::status).collect();
    assert_eq!(statuses, expected, "{outcomes:?}");
    for broken in &outcomes[1..3] {
        assert_eq!(broken.reason(), Reason::Malformed, "{broken:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_is_no_message_harms_no_other() {
    let home = Home::new(&["--shards", "4"]);
    let _node = home.start();
    let client = client(&home);
    let outcomes = client.publish(&batch()).await.expect("outcomes");
    let (taken, dead) = (Status::Accepted, Status::DeadLettered);
    assert_outcomes(&outcomes, [taken, dead, dead, taken]);
    assert!(outcomes[2].detail.contains("objectId"), "{:?}", outcomes[2]);

    let kept = letters::all(&home.cli());
    let of = |source: &str| kept.iter().find(|letter| letter["source"] == source);
    let nameless = of("listener:grpc").expect("a dead letter of the listener");
    assert_eq!(nameless["payload"], "no message");
    let named = of("lms").expect("a letter of who could be made out");
    assert_eq!((&named["userId"], kept.len()), (&"ada".into(), 2));

    // A stream gives the same outcomes; events of the first request are duplicates now.
    let (mut publisher, mut acknowledgements) = client.publisher(PublisherOptions::default());
    publisher.send(batch()).await.expect("room");
    let acknowledgement = acknowledgements.next().await.expect("an acknowledgement");
    assert_outcomes(&acknowledgement.outcomes, [Status::Duplicate; 4]);
    publisher.finish().await.expect("all acknowledged");

    // A re-drive refuses them again, and each stays one dead letter.
    let summary = letters::redrive(&home.cli(), &["--reason", "malformed"]);
    letters::assert_counts(&summary, &[("matched", 2), ("deadLettered", 2)]);
    assert_eq!(letters::all(&home.cli()).len(), 2);
    check::conserved(&home.cli());
}

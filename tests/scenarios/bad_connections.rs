//! Broken gRPC connections: clear errors, no acknowledged event is lost, other clients are served.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use homeroom_client::Batch;
use homeroom_proto::encoded;
use homeroom_proto::v1::ingest_service_client::IngestServiceClient;
use homeroom_proto::v1::{PublishRequest, PublishStreamRequest};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic::transport::Endpoint;

use crate::harness::Home;
use crate::harness::check;
use crate::harness::events::{HOUR_MS, accepted, click, client, profile};
use crate::harness::wait::PATIENCE;

const BATCHES: u64 = 50;

fn batch(user_id: &str, number: u64) -> PublishStreamRequest {
    let at_ms = HOUR_MS + i64::try_from(number).expect("few");
    PublishStreamRequest {
        sequence: number,
        events: encoded(&[click(user_id, &number.to_string(), at_ms)]),
        raw: None,
    }
}

async fn ingest(home: &Home) -> IngestServiceClient<tonic::transport::Channel> {
    let connected = IngestServiceClient::connect(home.endpoint()).await;
    connected.expect("a connection")
}

async fn events_of(home: &Home, user_id: &str) -> u64 {
    let profile = profile(&client(home), user_id).await;
    profile.map_or(0, |profile| profile.events)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_too_large_is_refused_alone() {
    let home = Home::new(&["--shards", "2"]).with("ingest.request_bytes_max", "64KiB");
    let _node = home.start();
    let mut large = click("ada", "large", HOUR_MS);
    large.metadata.insert("essay".into(), "x".repeat(4 << 20));
    let request = PublishRequest {
        events: encoded(&[large]),
        raw: None,
    };
    let refused = ingest(&home).await.publish(request).await;
    let refused = refused.expect_err("larger than the node takes");
    assert!(
        matches!(refused.code(), Code::OutOfRange | Code::ResourceExhausted),
        "{refused:?}"
    );
    assert!(refused.message().contains("too large"), "{refused:?}");
    accepted(&client(&home), vec![click("ada", "small", HOUR_MS)]).await;
    assert_eq!(events_of(&home, "ada").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_closed_stream_gets_all_its_acknowledgements() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    // The sender closes its side with the last batch, before the first acknowledgement is read.
    let batches = tokio_stream::iter((0..BATCHES).map(|number| batch("ada", number)));
    let answers = ingest(&home).await.publish_stream(batches).await;
    let mut answers = answers.expect("a stream").into_inner();
    let mut acknowledged = 0;
    while let Some(answer) = answers.message().await.expect("an acknowledgement") {
        assert_eq!(answer.sequence, acknowledged);
        acknowledged += 1;
    }
    assert_eq!(acknowledged, BATCHES);
    assert_eq!(events_of(&home, "ada").await, BATCHES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_that_vanishes_leaves_what_was_acknowledged() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    let (send, batches) = mpsc::channel(1);
    let mut ingest = ingest(&home).await;
    let answers = ingest.publish_stream(ReceiverStream::new(batches)).await;
    let mut answers = answers.expect("a stream").into_inner();
    let mut acknowledged = 0;
    for number in 0..BATCHES {
        send.send(batch("ada", number))
            .await
            .expect("an open stream");
        if number % 2 == 0 {
            answers.message().await.expect("an acknowledgement");
            acknowledged += 1;
        }
    }
    // Drops both directions with batches in flight: the connection closes with its last handle.
    drop((send, answers, ingest));
    let events = events_of(&home, "ada").await;
    assert!(
        (acknowledged..=BATCHES).contains(&events),
        "{events} of {acknowledged}"
    );
    check::conserved(&home.cli());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_senders_and_readers_delay_no_others() {
    let home = Home::new(&["--shards", "2"]);
    let node = home.start();
    let mut open = Vec::new();
    for number in 0..20 {
        let (send, batches) = mpsc::channel(1);
        send.send(batch(&format!("slow-{number}"), 0))
            .await
            .expect("an open stream");
        let mut ingest = ingest(&home).await;
        // Its acknowledgement is never read, its stream never closed.
        let answers = ingest.publish_stream(ReceiverStream::new(batches)).await;
        open.push((send, answers.expect("a stream")));
    }
    let client = client(&home);
    let others = accepted(&client, vec![click("ada", "1", HOUR_MS)]);
    timeout(PATIENCE, others)
        .await
        .expect("the others are served");
    for number in 0..20 {
        assert_eq!(events_of(&home, &format!("slow-{number}")).await, 1);
    }
    assert!(
        node.stop().success(),
        "open streams do not keep a node from stopping"
    );
}

/// One batch of each client is more than the node may queue. Its acknowledgement is larger than the
/// flow-control window of its connection, which is never read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_acknowledgements_take_no_room_from_others() {
    let home = Home::new(&["--shards", "2"])
        .with("ingest.queue_bytes_max", "1MiB")
        .with("ingest.request_bytes_max", "1MiB")
        .with("ingest.stream_window_bytes", "1MiB");
    let _node = home.start();
    let mut open = Vec::new();
    let mut senders = JoinSet::new();
    for publisher in 0..16 {
        let (send, batches) = mpsc::channel(1);
        let endpoint = Endpoint::from_shared(home.endpoint()).expect("an address");
        let endpoint = endpoint.initial_stream_window_size(1_024);
        let mut ingest = IngestServiceClient::new(endpoint.connect().await.expect("a connection"));
        let answers = ingest.publish_stream(ReceiverStream::new(batches)).await;
        open.push(answers.expect("a stream"));
        senders.spawn(async move {
            for sequence in 0.. {
                let at_ms = HOUR_MS + i64::try_from(sequence).expect("few");
                let clicks = (0..2_000).map(|learner| {
                    click(
                        &format!("{learner}"),
                        &format!("{publisher}-{sequence}"),
                        at_ms,
                    )
                });
                let batch = PublishStreamRequest {
                    sequence,
                    events: encoded(&clicks.collect::<Vec<_>>()),
                    raw: None,
                };
                if send.send(batch).await.is_err() {
                    return;
                }
            }
        });
    }
    let client = client(&home);
    for number in 0..200 {
        let another = Batch::of_events(&[click("ada", &format!("{number}"), HOUR_MS)]);
        let taken = async { while client.publish(&another).await.is_err() {} };
        let taken = timeout(PATIENCE, taken).await;
        taken.expect("there is room for others once the publishers stand still");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_grpc_is_sent_away() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    let address = home.endpoint().trim_start_matches("http://").to_owned();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let garbage: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        &[0xff; 512],
        // An HTTP/2 preface, then a frame header that claims 16 MiB.
        &[&preface[..], &[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0]].concat(),
        b"",
    ];
    for bytes in garbage {
        let mut stream = TcpStream::connect(&address).expect("a connection");
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("a timeout");
        stream.write_all(bytes).expect("written");
        // The node may already have closed the connection.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut rest = Vec::new();
        // Closed or reset: it only has to end.
        if let Err(error) = stream.read_to_end(&mut rest) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
        }
    }
    accepted(&client(&home), vec![click("ada", "1", HOUR_MS)]).await;
}

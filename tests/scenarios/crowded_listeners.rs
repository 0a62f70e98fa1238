//! Connections that take handles, calls and buffers: others are served meanwhile, the node lives.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use homeroom_client::Batch;
use homeroom_proto::encoded;
use homeroom_proto::v1::ingest_service_client::IngestServiceClient;
use homeroom_proto::v1::learner_service_client::LearnerServiceClient;
use homeroom_proto::v1::{PublishStreamRequest, WatchLearnerRequest};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;

use crate::harness::events::{HOUR_MS, accepted, click, client, connect};
use crate::harness::wait::{PATIENCE, until};
use crate::harness::{Home, Process, check, http, until_ready};

/// More than the handles of a node that may open 256.
const CROWD: usize = 300;
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Starts a node that may have `handles` open files, without waiting.
fn limited(home: &Home, handles: u32) -> Process {
    let node = home.command("serve");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("ulimit -n {handles}; exec \"$@\""), "sh"])
        .arg(node.get_program())
        .args(node.get_args());
    for (name, value) in node.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    Process::spawn(&mut shell, home.folder(), "node")
}

/// Connections that have sent `begun` and go on with nothing.
fn crowd(port: u16, begun: &[u8]) -> Vec<TcpStream> {
    let connect = |_| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        // It may be closed already, for the next ones.
        let _ = stream.write_all(begun);
        stream
    };
    (0..CROWD).map(connect).collect()
}

/// The value of a metric with its labels.
fn metric(home: &Home, series: &str) -> u64 {
    let (_, text) = http::get(&home.url("/metrics")).expect("an answer");
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    let value = line.unwrap_or_else(|| panic!("no {series}"));
    value.trim().parse().expect("a number")
}

fn closed(home: &Home, listener: &str, reason: &str) -> u64 {
    let labels = format!("{{listener=\"{listener}\",reason=\"{reason}\"}} ");
    metric(home, &format!("homeroom_connections_closed_total{labels}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_connections_than_handles_keep_none_waiting() {
    let home = Home::new(&["--shards", "1"]);
    let mut node = limited(&home, 256);
    until_ready(&home);
    let (grpc, http_port) = home.ports();
    let begun: [(u16, &[u8]); 5] = [
        (grpc, b""),
        (grpc, &PREFACE[..10]),
        (grpc, PREFACE),
        (http_port, b""),
        (
            http_port,
            b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nX: ",
        ),
    ];
    for (nth, (port, begun)) in begun.into_iter().enumerate() {
        let crowd = crowd(port, begun);
        for event in 0..5 {
            let id = format!("{nth}-{event}");
            accepted(&client(&home), vec![click("ada", &id, HOUR_MS)]).await;
            let health = http::get(&home.url("/healthz"));
            assert_eq!(health.expect("an answer").0, 200);
        }
        assert!(node.ended().is_none(), "the node lives");
        drop(crowd);
    }
    assert!(closed(&home, "grpc", "made_room") > 0);
    check::conserved(&home.cli());
}

#[test]
fn too_few_handles_refuse_the_start_in_words() {
    let home = Home::new(&["--shards", "1"]);
    let mut node = limited(&home, 64);
    assert_eq!(node.wait().code(), Some(1));
    let said = node.stderr();
    assert!(
        said.contains("may open 64 files") && said.contains("ulimit -n"),
        "{said}"
    );
}

#[test]
fn a_connection_that_brings_no_call_is_closed() {
    let home = Home::new(&["--shards", "1"]).with("listen.first_call_within", "300ms");
    let _node = home.start();
    let (grpc, http_port) = home.ports();
    for (port, begun) in [(grpc, &b""[..]), (grpc, PREFACE), (http_port, b"GET / HT")] {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.write_all(begun).expect("sent");
        let mut rest = Vec::new();
        // Closed or reset: it only has to end.
        if let Err(error) = stream.read_to_end(&mut rest) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
        }
    }
    assert_eq!(closed(&home, "grpc", "silent"), 2);
    assert_eq!(closed(&home, "http", "silent"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_without_end_keep_none_out() {
    let home = Home::new(&["--shards", "1"]).with("listen.grpc_calls_max", "20");
    let mut node = limited(&home, 1_024);
    until_ready(&home);
    let greedy = connect(&home).await;
    let (mut watches, mut streams) = (Vec::new(), Vec::new());
    for number in 0..15 {
        let watched = WatchLearnerRequest {
            user_id: format!("{number}"),
            ..WatchLearnerRequest::default()
        };
        let mut learners = LearnerServiceClient::new(greedy.clone());
        watches.push(learners.watch_learner(watched).await);
        let (send, batches) = mpsc::channel::<PublishStreamRequest>(1);
        let mut ingest = IngestServiceClient::new(greedy.clone());
        // Half open: it never sends a batch.
        let answers = ingest.publish_stream(ReceiverStream::new(batches)).await;
        streams.push((send, answers));
    }
    let refused = watches.iter().filter_map(|watch| watch.as_ref().err());
    let refused = refused.chain(
        streams
            .iter()
            .filter_map(|(_, answers)| answers.as_ref().err()),
    );
    assert!(refused.count() > 0, "more calls than the node takes");
    accepted(&client(&home), vec![click("ada", "1", HOUR_MS)]).await;
    assert!(node.ended().is_none(), "the node lives");
}

/// The acknowledgements of one batch are larger than the client's window, which it never opens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_does_not_read_is_cut_off() {
    let home = Home::new(&["--shards", "1"]).with("listen.stalled_after", "500ms");
    let _node = home.start();
    let (send, batches) = mpsc::channel(1);
    let endpoint = Endpoint::from_shared(home.endpoint()).expect("an address");
    let endpoint = endpoint.initial_stream_window_size(64);
    let mut ingest = IngestServiceClient::new(endpoint.connect().await.expect("a connection"));
    let answers = ingest.publish_stream(ReceiverStream::new(batches)).await;
    let _unread = answers.expect("a stream");
    let clicks: Vec<_> = (0..2_000)
        .map(|number| click("slow", &format!("{number}"), HOUR_MS))
        .collect();
    for sequence in 0..3 {
        let events = encoded(&clicks);
        let batch = PublishStreamRequest {
            sequence,
            events,
            raw: None,
        };
        let sent = timeout(PATIENCE, send.send(batch)).await;
        if sent.is_err() || sent.is_ok_and(|sent| sent.is_err()) {
            break;
        }
    }
    until("the connection is cut off", || {
        (closed(&home, "grpc", "stalled") > 0).then_some(())
    });
    accepted(&client(&home), vec![click("ada", "1", HOUR_MS)]).await;
}

/// The handles of the whole process are taken away, as another process may take the system's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_without_handles_waits_and_heals() {
    let home = Home::new(&["--shards", "1"])
        .with("log.segment_bytes", "4KiB")
        .with("checkpoint.interval", "100ms");
    let mut node = limited(&home, 1_024);
    until_ready(&home);
    let client = client(&home);
    accepted(&client, vec![click("ada", "first", HOUR_MS)]).await;
    let pid = i32::try_from(node.id()).ok().and_then(Pid::from_raw);
    let handles = |current| {
        let limit = Rlimit {
            current: Some(current),
            maximum: Some(1_024),
        };
        prlimit(pid, Resource::Nofile, limit).expect("a limit of an own child");
    };
    handles(4);
    // More than a segment: the log needs a further file.
    let clicks: Vec<_> = (0..200)
        .map(|number| click("ada", &format!("{number}"), HOUR_MS))
        .collect();
    let batch = Batch::of_events(&clicks);
    let publishing = client.publish(&batch);
    let heal = async {
        let waits = || home.log().contains("waits for handles");
        while !waits() && node.ended().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        handles(1_024);
    };
    let (published, ()) = timeout(PATIENCE, async { tokio::join!(publishing, heal) })
        .await
        .expect("it heals");
    assert!(
        node.ended().is_none(),
        "a want of handles is no failed disk"
    );
    if published.is_err() {
        // The client may have given up meanwhile; what it sends again counts once.
        client
            .publish(&batch)
            .await
            .expect("there are handles again");
    }
    accepted(&client, vec![click("ada", "last", HOUR_MS)]).await;
    assert!(metric(&home, "homeroom_store_waits_total ") > 0);
    let profile = home
        .cli()
        .json(&["get", "ada", "--consistency", "linearizable"]);
    assert_eq!(
        profile["profile"]["events"].to_string().trim_matches('"'),
        "202"
    );
}

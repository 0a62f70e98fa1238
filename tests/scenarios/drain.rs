//! A node that is asked to stop finishes the requests in progress, and the next node continues from
//! its data.

use std::process::Stdio;

use homeroom_client::{Batch, PublisherOptions, v1};
use homeroom_tests::generator::GeneratorSettings;
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;

use crate::harness::events::{HOUR_MS, click, client, connect};
use crate::harness::scratch::bytes_in;
use crate::harness::wait::until;
use crate::harness::{Home, Input, Seed, check, http, until_ready};

#[test]
fn an_ingest_goes_on_at_the_restarted_node() {
    let seed = Seed::of("drain::an_ingest_goes_on_at_the_restarted_node");
    let home = Home::new(&["--shards", "2"]);
    let settings = GeneratorSettings {
        lines: 6_000,
        learners: 80,
        seed: seed.seed,
        ..GeneratorSettings::default()
    };
    let input = Input::generate(&home, settings);
    let model = input.model(1);
    let mut node = home.start();
    let mut sending = home
        .cli()
        .spawn("ingest", &["ingest", input.name(), "--batch", "50"]);
    let log = home.data().join("log");
    for _ in 0..3 {
        let enough = bytes_in(&log) + 100_000;
        until("a log that grows, or the end of the file", || {
            (bytes_in(&log) >= enough || sending.ended().is_some()).then_some(())
        });
        assert_eq!(node.stop().code(), Some(0), "{}", home.log());
        node = home.start();
    }
    assert!(sending.wait().success(), "{}", sending.stderr());
    let summary: serde_json::Value = serde_json::from_str(&sending.stdout()).expect("the summary");
    assert_eq!(summary["received"], 6_000, "{summary}");
    check::windows(&home.cli(), &model);
    check::taken(&home.cli(), &model);
}

/// Every batch read before the stop is acknowledged. The publisher sends the rest to the next node.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_is_acknowledged() {
    let home = Home::new(&["--shards", "2"]);
    let node = home.start();
    let client = client(&home);
    let (mut publisher, mut acknowledgements) = client.publisher(PublisherOptions::default());
    for number in 0..20 {
        let at_ms = HOUR_MS + number * 100;
        let events =
            (0..50).map(|index| click(&format!("learner-{index}"), &number.to_string(), at_ms));
        publisher
            .send(Batch::of_events(&events.collect::<Vec<_>>()))
            .await
            .expect("room");
    }
    let first = acknowledgements.next().await.expect("an acknowledgement");
    assert_eq!(first.ticket, 0);
    assert!(node.stop().success(), "{}", home.log());
    let _node = home.start();
    let mut counted = first.outcomes.len();
    let counting = tokio::spawn(async move {
        while let Some(acknowledgement) = acknowledgements.next().await {
            for outcome in &acknowledgement.outcomes {
                let status = outcome.status();
                // A duplicate was applied before, but its acknowledgement was lost with the
                // connection.
                assert!(
                    matches!(
                        status,
                        v1::EventStatus::Accepted | v1::EventStatus::Duplicate
                    ),
                    "{outcome:?}"
                );
            }
            counted += acknowledgement.outcomes.len();
        }
        counted
    });
    publisher.finish().await.expect("all acknowledged");
    assert_eq!(counting.await.expect("acknowledgements"), 20 * 50);
    let sources = check::conserved(&home.cli());
    assert_eq!(sources[0]["accepted"], 20 * 50, "{sources:?}");
}

/// A request in progress. It ends when its sender is dropped, since the node answers batch by
/// batch.
async fn endless(home: &Home) -> mpsc::Sender<ServerReflectionRequest> {
    let mut reflection = ServerReflectionClient::new(connect(home).await);
    let (ask, questions) = mpsc::channel(1);
    let answers = reflection
        .server_reflection_info(ReceiverStream::new(questions))
        .await;
    let mut answers = answers.expect("a stream").into_inner();
    tokio::spawn(async move { while let Ok(Some(_)) = answers.message().await {} });
    ask
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_node_is_not_ready_until_the_last_request_has_ended() {
    let home = Home::new(&["--shards", "2"]).with("shutdown.drain", "10m");
    let node = home.start();
    let under_way = endless(&home).await;
    node.terminate();
    let reason = until("a node that is not ready", || {
        http::get(&home.url("/readyz")).and_then(|(status, body)| (status == 503).then_some(body))
    });
    assert_eq!(reason.trim(), "the node is stopping");
    let (alive, _) = http::get(&home.url("/healthz")).expect("it lives still");
    assert_eq!(alive, 200, "a restart would not help");
    drop(under_way);
    assert_eq!(node.wait().code(), Some(0), "{}", home.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_end_in_time_is_cut_off() {
    let home = Home::new(&["--shards", "2"]).with("shutdown.drain", "200ms");
    let node = home.start();
    let _under_way = endless(&home).await;
    assert_eq!(node.stop().code(), Some(0), "{}", home.log());
    // Logged once: the connection ends as soon as it is cut off.
    let warnings = home.log().matches("still under way").count();
    assert_eq!(warnings, 1, "{}", home.log());
}

/// More batches wait for the shard than may be in flight, and the node has a single thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_does_not_keep_the_node_from_stopping() {
    let home = Home::new(&["--shards", "1"])
        .with("node.runtime_threads", "1")
        .with("ingest.entry_bytes_max", "128KiB")
        .with("ingest.entries_in_flight", "1")
        .with("shutdown.drain", "0s");
    let node = home.start();
    let options = PublisherOptions {
        batches_in_flight_max: 256,
        ..PublisherOptions::default()
    };
    let (mut publisher, mut acknowledgements) = client(&home).publisher(options);
    let flood = tokio::spawn(async move {
        for number in 0_u32.. {
            let at_ms = HOUR_MS + i64::from(number);
            let events =
                (0..1_000).map(|index| click(&format!("{index}"), &number.to_string(), at_ms));
            let batch = Batch::of_events(&events.collect::<Vec<_>>());
            if publisher.send(batch).await.is_err() {
                return;
            }
        }
    });
    for _ in 0..20 {
        acknowledgements.next().await.expect("an acknowledgement");
    }
    assert_eq!(node.stop().code(), Some(0), "{}", home.log());
    flood.abort();
}

#[test]
fn a_node_with_an_unread_log_pipe_stops_in_good_order() {
    let home = Home::new(&["--shards", "1"]);
    let mut node = home
        .command("serve")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a node");
    until_ready(&home);
    // As with `| head -1`: nothing reads the next line.
    drop(node.stderr.take());
    let pid = i32::try_from(node.id()).ok().and_then(Pid::from_raw);
    kill_process(pid.expect("a pid"), Signal::TERM).expect("a signal to an own child");
    assert_eq!(node.wait().expect("its end").code(), Some(0));
}

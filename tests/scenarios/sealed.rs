//! A shard whose checkpoint is refused for its size: it takes no more events, and all else goes on.

use homeroom_client::{Batch, CallError, Client, v1};
use homeroom_core::{learner_hash, shard_of};
use serde_json::Value;
use tonic::Code;

use crate::harness::events::{HOUR_MS, accepted, click, client, profile};
use crate::harness::{Home, wait::until};

const SHARDS: u32 = 2;
/// The shard that is sealed.
const HEAVY: u32 = 1;
/// With the next two, more than the bound of a commit in one entry.
const LEARNERS: usize = 600;
/// An id is in a learner's keys and in its session's id.
const ID_BYTES: usize = 700;
/// The newest events of a learner are stored with as much of their metadata.
const NOTE_BYTES: usize = 1_000;

fn ids(shard: u32) -> impl Iterator<Item = String> {
    let ids = (0..).map(|number| format!("learner-{number}-{}", "x".repeat(ID_BYTES)));
    ids.filter(move |id| shard_of(learner_hash(id), SHARDS) == shard)
}

fn an_id(shard: u32) -> String {
    ids(shard).next().expect("there are enough")
}

fn heavy_events() -> Vec<v1::Event> {
    let heavy = ids(HEAVY).take(LEARNERS).map(|id| {
        let mut event = click(&id, "heavy", HOUR_MS);
        let note = "n".repeat(NOTE_BYTES);
        event.metadata.insert("note".to_owned(), note);
        event
    });
    heavy.collect()
}

/// Waits until the doctor says that the shard takes no more events. Returns what it says.
fn sealed(home: &Home) -> String {
    until("a sealed shard", || {
        let output = home.cli().run(&["doctor"]);
        let document: Value = serde_json::from_slice(&output.stdout).ok()?;
        let mut findings = document["findings"].as_array()?.iter();
        let subject = format!("shard {HEAVY}");
        let finding = findings.find(|finding| {
            finding["check"] == "checkpoints" && finding["subject"] == subject.as_str()
        })?;
        Some(finding["words"].as_str()?.to_owned())
    })
}

async fn publish_all(
    client: &Client,
    events: &[v1::Event],
) -> Result<Vec<v1::EventOutcome>, CallError> {
    client.publish(&Batch::of_events(events)).await
}

#[track_caller]
fn assert_refused(answer: Result<Vec<v1::EventOutcome>, CallError>) {
    let error = answer.expect_err("it is sealed");
    let CallError::Refused { failure, .. } = &error else {
        panic!("{error:?}");
    };
    let status = failure.status();
    assert_eq!(status.code(), Code::FailedPrecondition, "{error:?}");
    let shard = format!("shard {HEAVY}");
    assert!(status.message().contains(&shard), "{error:?}");
}

/// Checks that the sealed shard refuses events, that the other takes them, and that all is read.
async fn only_the_other_takes_events(client: &Client, round: &str) {
    let click = |shard, what: &str| click(&an_id(shard), &format!("{what} {round}"), HOUR_MS);
    assert_refused(publish_all(client, &[click(HEAVY, "refused")]).await);
    accepted(client, vec![click(0, "alone")]).await;
    for id in ids(HEAVY).take(LEARNERS) {
        let profile = profile(client, &id).await.expect("it was acknowledged");
        assert_eq!(profile.events, 1, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_that_is_too_large_ends_the_writes_of_its_shard_only() {
    let home = Home::new(&["--shards", "2"])
        .with("checkpoint.commit_bytes_max", "1MiB")
        .with("checkpoint.interval", "200ms");
    let node = home.start();
    let heavy_client = client(&home);
    accepted(&heavy_client, heavy_events()).await;
    let words = sealed(&home);
    assert!(words.contains("learner \"learner-"), "{words}");
    only_the_other_takes_events(&heavy_client, "at first").await;
    // The events of the other shard are taken. Those of this one are to be sent again, which the
    // client does, and alone they are refused.
    let mixed = [0, HEAVY].map(|shard| click(&an_id(shard), "mixed", HOUR_MS));
    let before = profile(&heavy_client, &an_id(0))
        .await
        .expect("it is known");
    assert_refused(publish_all(&heavy_client, &mixed).await);
    let after = profile(&heavy_client, &an_id(0))
        .await
        .expect("it is known");
    assert_eq!(after.events, before.events + 1);
    node.kill();

    // The log behind the last checkpoint leads to the same state.
    let node = home.start();
    let again = client(&home);
    sealed(&home);
    only_the_other_takes_events(&again, "after a kill").await;
    // The open shard takes new settings, and the change does not wait for the sealed one.
    home.cli()
        .json(&["settings", "set", "sources.camera.ordered=true"]);
    assert!(node.stop().success());

    // A higher bound is the way out.
    let home = Home::new(&["--shards", "2"])
        .with("checkpoint.interval", "200ms")
        .in_the_folder_of(&home)
        .at_the_addresses_of(&home);
    let node = home.start();
    accepted(
        &client(&home),
        vec![click(&an_id(HEAVY), "at last", HOUR_MS)],
    )
    .await;
    assert!(node.stop().success());
}

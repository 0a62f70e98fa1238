//! At the end, with all nodes up: replicas are equal, and what was acknowledged is there once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use homeroom_core::shard::Outcome;
use homeroom_node::store::GroupId;
use homeroom_tests::oracle::{self, NaiveModel};
use homeroom_tests::rig::{assert_reads_equal, core_reason};

use crate::checks::{AppliedEntry, History};
use crate::cluster::{Cluster, GROUPS, NODES};
use crate::sim::Sim;

/// Time for all replicas to catch up, s.
const EQUAL_WITHIN: Duration = Duration::from_secs(20);
/// One group of this number is read as a whole: that takes long.
const READ_ONE_IN: u64 = 8;

/// Waits until all replicas are equal; then compares them with the model.
pub async fn check_end(cluster: &Arc<Cluster>) {
    let sim = &cluster.shared.sim;
    let begun_ms = sim.now_ms();
    while let Err(why) = replicas_are_equal(cluster).await {
        if sim.now_ms() - begun_ms > EQUAL_WITHIN.as_millis() as i64 {
            sim.violated("all replicas catch up", format_args!("{why}"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let history = &cluster.shared.history;
    let mut there = BTreeSet::new();
    for group in 0..GROUPS {
        let entries = history.entries(group);
        let model = replay(sim, history, group, &entries);
        there.extend(
            entries
                .iter()
                .map(|(_, entry)| (group, entry.payload.clone())),
        );
        if (u64::from(group) + sim.seed).is_multiple_of(READ_ONE_IN) {
            compare_reads(cluster, group, &model).await;
        }
    }
    for ack in history.acks() {
        if !there.contains(&(ack.group, ack.payload.clone())) {
            let words = format_args!("group {}: {:?} is not there", ack.group, ack.place);
            sim.violated("what was acknowledged is there once", words);
        }
        check_ack(sim, history, &ack);
    }
}

async fn replicas_are_equal(cluster: &Cluster) -> Result<(), String> {
    for group in 0..GROUPS {
        let newest = cluster.shared.history.entries(group);
        let newest = newest.last().map(|(index, _)| *index);
        let mut digests = BTreeSet::new();
        for node in 0..NODES {
            let process = cluster.network().process(node);
            let replica = process.as_ref().and_then(|it| it.group(group));
            let Some(replica) = replica else {
                return Err(format!("node {node} does not run"));
            };
            if replica.applied_index() < newest {
                return Err(format!("node {node} has not applied all of group {group}"));
            }
            digests.insert(replica.inspect(|shard| shard.digest()).await);
        }
        if digests.len() > 1 {
            return Err(format!("the replicas of group {group} differ"));
        }
    }
    Ok(())
}

/// The model's outcomes are those of the replicas, and nothing but proposals is there.
fn replay(
    sim: &Sim,
    history: &History,
    group: GroupId,
    entries: &[(u64, AppliedEntry)],
) -> NaiveModel {
    let mut model = NaiveModel::new(oracle::Settings::default());
    for (index, entry) in entries {
        let Some(proposed) = history.proposed(group, &entry.payload) else {
            let words = format_args!("group {group}: entry {index} was never proposed");
            sim.violated("nothing else is there", words);
        };
        if proposed.times == proposed.not_written {
            let words = format_args!("group {group}: entry {index} is there");
            sim.violated("what was not written is not there", words);
        }
        let events = proposed.events.into_iter();
        let expected: Vec<Outcome> = events
            .map(|event| as_core(model.deliver_event(event)))
            .collect();
        let expected = format!("{expected:?}");
        if expected != entry.outcomes {
            let words = format_args!(
                "group {group}, entry {index}: {} for {expected}",
                entry.outcomes
            );
            sim.violated("outcomes are the model's", words);
        }
    }
    model
}

fn as_core(outcome: oracle::Outcome) -> Outcome {
    match outcome {
        oracle::Outcome::Accepted => Outcome::Accepted,
        oracle::Outcome::Duplicate { conflicting } => Outcome::Duplicate {
            conflicting,
            reason: None,
        },
        oracle::Outcome::DuplicateRefusal(reason) => Outcome::Duplicate {
            conflicting: false,
            reason: Some(core_reason(reason)),
        },
        oracle::Outcome::Shadowed => Outcome::Shadowed,
        oracle::Outcome::DeadLetter(reason) => Outcome::DeadLettered(core_reason(reason)),
    }
}

async fn compare_reads(cluster: &Cluster, group: GroupId, model: &NaiveModel) {
    for process in cluster.network().running() {
        if let Some(replica) = process.group(group) {
            let compare = |shard: &mut crate::cluster::ShardReplica| {
                assert_reads_equal(shard.rig(), model);
            };
            replica.inspect(compare).await;
        }
    }
}

/// The entry that an acknowledgement names is the one that was proposed.
fn check_ack(sim: &Sim, history: &History, ack: &crate::checks::Ack) {
    let Some((index, term, leader, outcomes)) = &ack.place else {
        return;
    };
    let entry = history.entry(ack.group, *index);
    let is_there = entry.is_some_and(|it| it.payload == ack.payload && it.outcomes == *outcomes);
    if !is_there {
        let words = format_args!(
            "group {}: entry {index} of term {term} by {leader} is another",
            ack.group
        );
        sim.violated("what was acknowledged is there once", words);
    }
}

//! A connected majority that nothing disturbs has a writable leader within 5 s.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::cluster::{Cluster, GROUPS, NODES, Proposed, Weather};

/// Time to a writable leader, ms.
const WRITABLE_WITHIN_MS: i64 = 5_000;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Looks as long as the simulation runs.
pub async fn watch_liveness(cluster: Arc<Cluster>) {
    let sim = &cluster.shared.sim;
    let mut since_ms = None;
    let mut asked = Asked::default();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let begun_ms = has_majority(&cluster).then(|| cluster.disturbed_ms());
        if begun_ms != since_ms {
            (since_ms, asked) = (begun_ms, Asked::default());
        }
        let Some(since_ms) = since_ms else {
            continue;
        };
        for group in 0..GROUPS {
            if cluster.shared.history.writable_ms(group) >= Some(since_ms) {
                continue;
            }
            let waited_ms = sim.now_ms() - since_ms;
            if waited_ms > WRITABLE_WITHIN_MS {
                let words = format_args!("group {group} took no entry for {waited_ms} ms");
                sim.violated("a connected majority is writable within 5 s", words);
            }
            ask_leaders(&cluster, group, &asked);
        }
    }
}

/// Leaderships, by group, term and replica, whose answer is awaited or that took an entry.
type Asked = Arc<Mutex<BTreeSet<(u16, u64, u64)>>>;

/// Proposes a tick to each replica that believes to lead, until it takes one: a new leader refuses
/// while no quorum has answered it.
fn ask_leaders(cluster: &Cluster, group: u16, asked: &Asked) {
    for process in cluster.network().running() {
        let Some(replica) = process.group(group) else {
            continue;
        };
        let present = replica.leadership();
        let is_ready = present.leads && process.reading(group).log_ms.is_some();
        let leadership = (group, present.term, process.replica);
        if is_ready && asked.lock().insert(leadership) {
            let (asking, asked) = (Arc::clone(&process), Arc::clone(asked));
            process.alive(async move {
                if !matches!(asking.propose(group, &[]).await, Proposed::Acked) {
                    asked.lock().remove(&leadership);
                }
            });
        }
    }
}

/// Whether two nodes run that hear each other, and messages arrive.
fn has_majority(cluster: &Cluster) -> bool {
    let network = cluster.network();
    let Weather {
        cut,
        loss,
        delay_ms,
    } = network.weather();
    let runs = |node: usize| network.process(node).is_some();
    let hear = |one: usize, other: usize| {
        one != other
            && runs(one)
            && runs(other)
            && !cut.contains(&(one, other))
            && !cut.contains(&(other, one))
    };
    let pairs = (0..NODES).flat_map(|one| (0..NODES).map(move |other| (one, other)));
    loss == 0.0
        && *delay_ms.end() <= 20
        && !cluster.is_replacing()
        && pairs.into_iter().any(|(one, other)| hear(one, other))
}

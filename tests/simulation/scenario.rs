//! One seed, from the first start to the last check.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::bug::Bug;
use crate::checks::{check_end, watch_liveness};
use crate::client::Client;
use crate::cluster::{Cluster, GROUPS};
use crate::faults::Faults;
use crate::sim::Sim;

/// Faults of one run.
const FAULTS: std::ops::Range<usize> = 2..5;

/// Runs a seed to its end on this thread. Returns what two runs of it must have in common.
pub fn run(seed: u64, bug: Option<Bug>) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.expect("a runtime").block_on(simulate(seed, bug))
}

async fn simulate(seed: u64, bug: Option<Bug>) -> String {
    let sim = Arc::new(Sim::new(seed, bug));
    let cluster = Cluster::new(Arc::clone(&sim));
    let mut faults = Faults::new(Arc::clone(&cluster));
    faults.begin().await;
    tokio::spawn(watch_liveness(Arc::clone(&cluster)));
    let stop = CancellationToken::new();
    let clients: Vec<_> = (0..GROUPS)
        .map(|group| {
            let client = Client {
                cluster: Arc::clone(&cluster),
                group,
                stop: stop.clone(),
            };
            tokio::spawn(client.run())
        })
        .collect();
    let count = sim.rng().usize(FAULTS);
    faults.run(count).await;
    faults.heal();
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    stop.cancel();
    for client in clients {
        client.await.expect("a client does not panic");
    }
    check_end(&cluster).await;
    let (lines, hash) = sim.traced();
    let acks = cluster.shared.history.acks().len();
    let ms = sim.now_ms();
    format!("seed {seed}: {ms} ms, {acks} acknowledgements, {lines} lines of hash {hash:016x}")
}

//! Shows in the node's readiness which replicas have failed.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{control::ControlPlane, observe::Readiness, route::Router};

/// Between two looks at the replicas.
const EVERY: Duration = Duration::from_secs(1);

/// Shows in the readiness of a ready node which replicas have failed. A failed replica never
/// recovers while the node runs.
pub(super) struct Failures {
    pub(super) router: Arc<Router>,
    pub(super) control: Arc<ControlPlane>,
    pub(super) readiness: watch::Sender<Readiness>,
}

impl Failures {
    /// Runs until it is stopped.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => self.show(),
            }
        }
    }

    fn show(&self) {
        let shards = self.router.shards().iter();
        let mut failures: Vec<String> = shards
            .filter_map(|shard| Some(words(&format!("shard {}", shard.shard()), &shard.failed()?)))
            .collect();
        let control = self.control.group().failed();
        failures.extend(control.map(|why| words("the control plane", &why)));
        let present = Readiness::ready_without(failures.join("\n"));
        self.readiness.send_if_modified(|shown| {
            // A node that is not ready stays so.
            let is_news = shown.reason().is_none() && *shown != present;
            if is_news {
                *shown = present;
            }
            is_news
        });
    }
}

/// One line.
fn words(group: &str, why: &str) -> String {
    let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("the replica of {group} on this node has failed: {why}")
}

//! A client of one group: publishes events, and repeats what was not acknowledged.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use homeroom_node::store::GroupId;
use homeroom_tests::oracle::NaiveEvent;
use homeroom_tests::rig::Unruly;
use tokio_util::sync::CancellationToken;

use crate::cluster::{Cluster, NODES, Proposed, node_of};

/// Time after which a client asks another node.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Publishes to one group until it is stopped and everything is acknowledged.
pub struct Client {
    pub cluster: Arc<Cluster>,
    pub group: GroupId,
    pub stop: CancellationToken,
}

impl Client {
    pub async fn run(self) {
        let sim = &self.cluster.shared.sim;
        let mut rng = sim.rng();
        let mut unruly = Unruly::new(&mut rng, 60_000);
        let pause_ms = rng.u64(200..1_200);
        let mut node = rng.usize(..NODES);
        let mut earlier: Vec<NaiveEvent> = Vec::new();
        while !self.stop.is_cancelled() {
            tokio::time::sleep(Duration::from_millis(rng.u64(1..=pause_ms))).await;
            let count = rng.usize(1..=3);
            let mut events = unruly.events(&mut rng, count);
            for event in &mut events {
                event.timestamp_ms = sim.wall_ms() - rng.i64(0..15_000);
            }
            if rng.u8(..) < 40 {
                events.extend(rng.choice(&earlier).cloned());
            }
            self.publish(&mut rng, &mut node, &events).await;
            earlier.extend(events);
        }
    }

    /// Repeats the same events until they are acknowledged.
    async fn publish(&self, rng: &mut Rng, node: &mut usize, events: &[NaiveEvent]) {
        loop {
            tokio::time::sleep(Duration::from_millis(rng.u64(1..4))).await;
            match self.try_once(*node, events).await {
                Proposed::Acked => return,
                Proposed::NotLeader(Some(leader)) if rng.u8(..) < 240 => *node = node_of(leader),
                Proposed::NotLeader(_) | Proposed::Unknown => *node = rng.usize(..NODES),
            }
            tokio::time::sleep(Duration::from_millis(rng.u64(20..60))).await;
        }
    }

    async fn try_once(&self, node: usize, events: &[NaiveEvent]) -> Proposed {
        let Some(process) = self.cluster.network().process(node) else {
            return Proposed::NotLeader(None);
        };
        let proposed = process.propose(self.group, events);
        let proposed = tokio::time::timeout(PATIENCE, proposed).await;
        proposed.unwrap_or(Proposed::Unknown)
    }
}

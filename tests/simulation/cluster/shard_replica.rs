//! What a simulated group replicates: a shard and its learners, as the core's rig holds them.

use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;
use fastrand::Rng;
use futures::FutureExt;
use homeroom_core::Settings;
use homeroom_core::entry::Entry;
use homeroom_node::clock::LogClock;
use homeroom_node::raft::{Applied, Capture, Replicated};
use homeroom_node::store::GroupId;
use homeroom_tests::rig::CoreRig;
use tokio::sync::watch;

use crate::bug::Bug;
use crate::checks::{AppliedEntry, History};
use crate::cluster::states::DiskStates;
use crate::sim::Sim;

/// One entry of this number is followed by a disturbance of what is in memory.
const DISTURBED_ONE_IN: u8 = 4;

/// One replica of a shard.
pub struct ShardReplica {
    pub sim: Arc<Sim>,
    pub node: usize,
    pub group: GroupId,
    pub history: Arc<History>,
    pub clock: Arc<LogClock>,
    pub disk: Arc<DiskStates>,
    rig: CoreRig,
    rng: Rng,
    /// Log time at which a tick is due, ms.
    due: watch::Sender<Option<i64>>,
    unsaved_bytes: watch::Sender<u64>,
}

impl ShardReplica {
    pub fn new(
        (sim, node, group): (Arc<Sim>, usize, GroupId),
        history: Arc<History>,
        clock: Arc<LogClock>,
        disk: Arc<DiskStates>,
    ) -> Self {
        Self {
            rng: sim.rng(),
            sim,
            node,
            group,
            history,
            clock,
            disk,
            rig: CoreRig::new(Settings::default()),
            due: watch::Sender::new(None),
            unsaved_bytes: watch::Sender::new(0),
        }
    }

    /// The shard and its learners.
    pub fn rig(&self) -> &CoreRig {
        &self.rig
    }

    /// Log time at which a tick is due, ms.
    pub fn due(&self) -> watch::Receiver<Option<i64>> {
        self.due.subscribe()
    }

    /// A hash of the shard's whole record.
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.rig.shard.encode());
        hasher.finish()
    }

    /// The entry as this replica applies it.
    fn seen(&self, index: u64, payload: &Bytes) -> Vec<u8> {
        let differs = self.sim.has(Bug::ApplyDiffers) && self.node == 1 && index.is_multiple_of(17);
        let shorter = differs.then(|| self.history.without_last_event(self.group, payload));
        shorter.flatten().unwrap_or_else(|| payload.to_vec())
    }
}

impl Replicated for ShardReplica {
    const STATE_VERSIONS: RangeInclusive<u8> = 1..=1;

    async fn restore(&mut self, index: u64, state: Option<Vec<u8>>) -> io::Result<()> {
        self.rig = match state {
            Some(state) => {
                let records = self.disk.records(self.group);
                CoreRig::restored(state, records.into_iter())
            }
            None => CoreRig::new(Settings::default()),
        };
        self.sim.trace(format_args!(
            "{} {} restored {index}",
            self.node, self.group
        ));
        self.history
            .restored(&self.sim, (self.node, self.group, index), self.digest());
        self.clock.committed(self.rig.shard.log_time_ms());
        self.due.send_replace(self.rig.shard.next_due_ms());
        Ok(())
    }

    async fn apply(&mut self, index: u64, payload: Bytes) -> Result<Applied, String> {
        let log_time_ms = Entry::decode(&payload)
            .map_err(|error| format!("{error:?}"))?
            .log_time_ms;
        let outcomes = self.rig.apply_entry(index, &self.seen(index, &payload));
        self.clock.committed(log_time_ms);
        self.due.send_replace(self.rig.shard.next_due_ms());
        let outcomes = format!("{outcomes:?}");
        let applied = AppliedEntry {
            payload: payload.clone(),
            outcomes: outcomes.clone(),
            digest: self.digest(),
            log_time_ms: self.rig.shard.log_time_ms(),
            watermark_ms: self.rig.watermark_ms(),
        };
        self.history
            .applied(&self.sim, (self.node, self.group, index), applied);
        if self.rng.u8(..DISTURBED_ONE_IN) == 0 {
            self.rig.disturb(&mut self.rng);
        }
        Ok(Applied(outcomes.into()))
    }

    fn capture(&mut self, _index: u64) -> Capture {
        let captured = self.rig.capture();
        Capture {
            state: captured.state,
            changes: std::future::ready(captured.changes).boxed(),
        }
    }

    fn captured(&mut self) {}

    fn owner_of(_key: &[u8]) -> Option<String> {
        None
    }

    fn unsaved_bytes(&self) -> watch::Receiver<u64> {
        self.unsaved_bytes.subscribe()
    }
}

//! Starts and stops the groups of a node.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::join_all;
use homeroom_core::Settings;
use ractor::ActorRef;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    disk::Disk, error::StartNodeError, identity::Identity, shard_event_metrics::ShardEventMetrics,
};
use crate::{
    clock::{LogClock, SystemTimeSource},
    config::{Config, LoadedConfig, whole_ms},
    control::ControlPlane,
    observe::Metrics,
    raft::GroupConfig,
    shard::{BatchLimits, LearnerMemory, ShardReplica, ShardSetup, Slicer},
    store::GroupId,
};

/// What shards are built from.
pub struct ShardDependencies<'n> {
    pub loaded: &'n LoadedConfig,
    pub identity: &'n Identity,
    pub disk: &'n Disk,
    pub control: &'n ControlPlane,
    pub supervisor: &'n ActorRef<()>,
    pub memory: &'n Arc<LearnerMemory>,
    pub metrics: &'n Arc<Metrics>,
}

impl ShardDependencies<'_> {
    /// The setups of all shards, in the order of their numbers.
    pub fn setups(&self) -> Vec<ShardSetup> {
        let placements = self.control.founded().shards;
        let slicer = Slicer::default();
        let setups = (0..self.identity.shards).zip(&placements);
        setups
            .map(|(shard, placement)| {
                let replica = placement.replicas.first();
                let incarnation = replica.map_or(0, |(incarnation, _)| *incarnation);
                self.setup((shard, incarnation), &slicer)
            })
            .collect()
    }

    fn setup(&self, (shard, incarnation): (u16, u64), slicer: &Slicer) -> ShardSetup {
        let (config, disk) = (&self.loaded.config, self.disk);
        let group = group_config(config, format!("shard-{shard}"), (shard, incarnation));
        ShardSetup {
            group,
            resources: disk.resources.clone(),
            store: Arc::clone(&disk.store),
            background: disk.background.clone(),
            recovered: Arc::clone(&disk.recovered_learners),
            supervisor: self.supervisor.get_cell(),
            events: Arc::new(ShardEventMetrics(Arc::clone(self.metrics))),
            memory: Arc::clone(self.memory),
            passivate_after_ms: whole_ms(config.memory.passivate_after),
            limits: BatchLimits {
                entry_bytes_max: whole(config.ingest.entry_bytes_max.as_u64()),
                linger: config.ingest.linger,
                entries_in_flight: config.ingest.entries_in_flight.into(),
            },
            slicer: slicer.clone(),
            clock: LogClock::new(Arc::new(SystemTimeSource)),
        }
    }
}

/// Starts the shards: the Raft of each at once, then the states behind them, as many at a time as
/// there are processors. All that started are in `started`, in the order of their numbers, even
/// when one does not start. A shard whose state can't be read ends its own replica only.
///
/// # Errors
/// When the Raft of one does not start.
pub async fn start_shards(
    setups: Vec<ShardSetup>,
    settings: &Settings,
    started: &mut Vec<Arc<ShardReplica>>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<(), StartNodeError> {
    for setup in setups {
        let replica = ShardReplica::start(setup, tasks, stop).await?;
        started.push(Arc::new(replica));
    }
    join_all(started.iter().map(|replica| make_ready(replica, settings))).await;
    Ok(())
}

/// Both failures are shown by the diagnosis; settings are proposed again later.
async fn make_ready(replica: &ShardReplica, settings: &Settings) {
    let shard = replica.shard();
    match replica.ready().await {
        Ok(()) if replica.leadership().leads => {
            if let Err(error) = replica.adopt(settings).await {
                tracing::warn!(shard, %error, "it has not taken the settings yet");
            }
        }
        Ok(()) => {}
        Err(error) => tracing::error!(shard, %error, "it is not served from here"),
    }
}

/// Stops everything that writes into the log: shards, the control plane, and the learners' actors.
pub async fn stop_groups(
    shards: &[Arc<ShardReplica>],
    control: &ControlPlane,
    supervisor: &ActorRef<()>,
) {
    for shard in shards {
        shard.group().stop().await;
    }
    control.group().stop().await;
    supervisor.get_cell().stop_children(None);
    supervisor.stop(None);
}

fn whole(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// The configuration of a group: its name, its id in the log and the store, and its replica's
/// incarnation.
pub fn group_config(config: &Config, name: String, (id, replica): (GroupId, u64)) -> GroupConfig {
    let address = config.listen.grpc.to_string();
    GroupConfig {
        name,
        id,
        replica,
        // A node that founds a cluster is the only voter of each group.
        founders: Some(BTreeMap::from([(replica, address)])),
        propose_within: config.ingest.propose_deadline,
        heartbeat_ms: whole_ms(config.raft.heartbeat).unsigned_abs(),
        election_min_ms: whole_ms(config.raft.election_min).unsigned_abs(),
        election_max_ms: whole_ms(config.raft.election_max).unsigned_abs(),
    }
}

//! A Raft group on this node: proposals, linearizable reads, checkpoints, purging.

use std::{
    collections::BTreeMap,
    fmt::Display,
    io,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use bytes::Bytes;
use openraft::{
    Config, Raft, ReadPolicy, ServerState, SnapshotPolicy,
    async_runtime::WatchReceiver,
    errors::{ClientWriteError, RaftError},
    impls::BasicNode,
};
use tokio::sync::{Mutex, Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    error::{ProposeError, StartError},
    log_store::LogStore,
    machine::{Machine, Replicated, SharedMachine},
    network::NoPeers,
    seal::Seal,
    snapshot::{StateRecord, to_log_id},
    types::{Applied, CheckpointOutcome, LogId, Membership, Proposal, TypeConfig},
};
use crate::store::{
    Background, GroupId,
    checkpoint::{CheckpointStore, Position},
    log::{FileLog, LogEngine},
};

/// Entries read at once for replication, bytes: within tonic's default message limit of 4 MiB.
const READ_BYTES_MAX: u64 = 2 << 20;
/// Time for a single-voter group to elect itself, s. It only writes a vote and a blank entry.
const LEAD_WITHIN: Duration = Duration::from_secs(60);

/// Concurrent checkpoints of a node: some are gathered while one is written.
pub const CHECKPOINTS_AT_ONCE: usize = 4;

/// A group's identity and timers.
#[derive(Clone, Debug)]
pub struct GroupConfig {
    /// For logs: `shard-3`, `control`.
    pub name: String,
    /// Its number in the shared log and in the checkpoint store.
    pub id: GroupId,
    /// This replica's incarnation.
    pub replica: u64,
    /// Address of the node.
    pub address: String,
    /// Interval between a leader's heartbeats, ms.
    pub heartbeat_ms: u64,
    /// Minimum wait before an election, ms.
    pub election_min_ms: u64,
    /// Maximum wait before an election, ms.
    pub election_max_ms: u64,
}

impl GroupConfig {
    /// The error when the group can't start because its stored state can't be read.
    pub fn unreadable(&self, error: impl Display) -> StartError {
        StartError::State {
            group: self.name.clone(),
            error: io::Error::other(error.to_string()),
        }
    }

    /// The error when the group can't start because openraft fails.
    pub fn refused(&self, reason: impl Display) -> StartError {
        StartError::Raft {
            group: self.name.clone(),
            reason: reason.to_string(),
        }
    }
}

/// Called with the group's number, the instant its checkpoint began, and the outcome.
pub type CheckpointHook = dyn Fn(GroupId, Instant, &CheckpointOutcome) + Send + Sync;

/// Resources shared by the groups of a node.
#[derive(Clone)]
pub struct GroupResources {
    /// The log of all groups.
    pub log: Arc<FileLog>,
    /// The checkpoints of all groups.
    pub store: Arc<CheckpointStore>,
    /// Runs writes of checkpoints.
    pub background: Background,
    /// Runs cuts of bases. Only a checkpoint of the same group waits for one.
    pub cutter: Background,
    /// Permits for checkpoints: what one gathers stays in memory until it is durable.
    pub turns: Arc<Semaphore>,
    /// Ends the process, with a reason.
    pub fatal: Arc<dyn Fn(&str) + Send + Sync>,
    /// Called after every requested checkpoint.
    pub checkpointed: Arc<CheckpointHook>,
}

/// A group whose replica runs on this node.
pub struct Group<R: Replicated> {
    pub(super) config: GroupConfig,
    pub(super) raft: Raft<TypeConfig, SharedMachine<R>>,
    pub(super) machine: Arc<Mutex<Machine<R>>>,
    pub(super) resources: GroupResources,
    /// Position of the newest durable checkpoint. Locked while one is made, so that there is one at
    /// a time.
    pub(super) checkpointed: Mutex<Option<LogId>>,
    /// Locked while the group's records are written or must not change, so that no task blocks a
    /// thread of the store for that.
    pub(super) records: Mutex<()>,
    /// The index that a requested base must have at least.
    pub(super) wanted_base: Arc<AtomicU64>,
    pub(super) unsaved_bytes: watch::Receiver<u64>,
    pub(super) seal: Seal,
    /// Checkpoints in progress, and the task that makes them when they are due.
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

impl<R: Replicated> Group<R> {
    /// Starts the group's replica from its recovered state and founds the group if it is new.
    /// Returns once it leads and everything in its log is applied.
    ///
    /// `replicated` is the state at `recovered`.
    ///
    /// # Errors
    /// When state and log do not fit together, or openraft does not start.
    pub async fn start(
        config: GroupConfig,
        resources: GroupResources,
        recovered: Option<Position>,
        membership: Option<Membership>,
        replicated: R,
    ) -> Result<Arc<Self>, StartError> {
        check_continuity(&config, &resources.log, recovered)?;
        miss_bases_behind_the_log(&config, &resources);
        let wanted_base = Arc::new(AtomicU64::new(0));
        let (applied, seal) = (recovered.map(to_log_id), Seal::default());
        let unsaved_bytes = replicated.unsaved_bytes();
        let machine = Arc::new(Mutex::new(Machine {
            applied,
            membership: membership.unwrap_or_default(),
            bytes_since_base: 0,
            bytes_since_capture: 0,
            replicated,
        }));
        let shared = SharedMachine {
            machine: Arc::clone(&machine),
            store: Arc::clone(&resources.store),
            cutter: resources.cutter.clone(),
            group: config.id,
            wanted_base: Arc::clone(&wanted_base),
            unsaved_bytes: unsaved_bytes.clone(),
            seal: seal.clone(),
        };
        let log = LogStore::new(Arc::clone(&resources.log), config.id, READ_BYTES_MAX);
        let settings = Arc::new(raft_config(&config)?);
        let raft = Raft::new(config.replica, settings, NoPeers, log, shared)
            .await
            .map_err(|error| config.refused(error))?;
        let group = Arc::new(Self {
            config,
            raft,
            machine,
            resources,
            checkpointed: Mutex::new(applied),
            records: Mutex::new(()),
            wanted_base,
            unsaved_bytes,
            seal,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        group.tasks.spawn(Arc::clone(&group).checkpoint_when_due());
        group.tasks.spawn(Arc::clone(&group).watch_raft());
        match group.lead().await {
            Ok(()) => Ok(group),
            Err(error) => {
                group.stop().await;
                Err(error)
            }
        }
    }

    /// A group that stopped by itself accepts nothing, so the process ends and is restarted.
    async fn watch_raft(self: Arc<Self>) {
        // Of openraft's metrics this changes least. It ends with openraft's task, whatever ends
        // that.
        let mut server = self.raft.server_metrics();
        let stopped = async { while server.changed().await.is_ok() {} };
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = stopped => {
                (self.resources.fatal)(&format!("{}: its Raft group stopped", self.config.name));
            }
        }
    }

    /// The membership and the state in the group's newest checkpoint; `None` when nothing was
    /// recovered.
    ///
    /// # Errors
    /// When they can't be read, or their version is unknown.
    pub fn stored_state(
        config: &GroupConfig,
        store: &CheckpointStore,
        recovered: Option<Position>,
    ) -> Result<Option<(Membership, Vec<u8>)>, StartError> {
        if recovered.is_none() {
            return Ok(None);
        }
        let meta = store.meta(config.id);
        let meta = meta.map_err(|error| config.unreadable(error))?;
        let meta = meta.ok_or_else(|| config.unreadable("its checkpoint has no state"))?;
        let record = StateRecord::decode(&meta.bytes, &R::STATE_VERSIONS);
        let record = record.map_err(|error| config.unreadable(error))?;
        Ok(Some((record.membership, record.state)))
    }

    async fn lead(&self) -> Result<(), StartError> {
        let failed = |error: &dyn Display| self.config.refused(error);
        let initialized = self.raft.is_initialized().await;
        if initialized.map_err(|error| failed(&error))? {
            let elected = self.raft.trigger().elect(false).await;
            elected.map_err(|error| failed(&error))?;
        } else {
            // The first member of a new group elects itself.
            let me = BasicNode::new(&self.config.address);
            let members = BTreeMap::from([(self.config.replica, me)]);
            let founded = self.raft.initialize(members).await;
            founded.map_err(|error| failed(&error))?;
        }
        let wait = self.raft.wait(Some(LEAD_WITHIN));
        let leads = wait.state(ServerState::Leader, "to lead its single-voter group");
        leads.await.map_err(|error| failed(&error))?;
        let applied = self.raft.ensure_linearizable(ReadPolicy::ReadIndex).await;
        applied.map(drop).map_err(|error| failed(&error))
    }

    /// Proposes an entry. Returns its index and result once it is committed and applied.
    ///
    /// # Errors
    /// See [`ProposeError`].
    pub async fn propose(&self, payload: Bytes) -> Result<(u64, Applied), ProposeError> {
        if let Some(why) = self.seal.reason() {
            return Err(ProposeError::Sealed(why));
        }
        match self.raft.client_write(Proposal(payload)).await {
            Ok(written) => Ok((written.log_id.index, written.data)),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_))) => {
                Err(ProposeError::NotLeader)
            }
            Err(error) => Err(ProposeError::Stopped(error.to_string())),
        }
    }

    /// Index of the newest entry acknowledged before this call, confirmed by a quorum.
    ///
    /// # Errors
    /// When this replica does not lead, or the group has stopped.
    pub async fn read_index(&self) -> Result<u64, ProposeError> {
        match self.raft.get_read_log_id(ReadPolicy::ReadIndex).await {
            Ok((read, _)) => Ok(read.index()),
            Err(RaftError::APIError(_)) => Err(ProposeError::NotLeader),
            Err(error) => Err(ProposeError::Stopped(error.to_string())),
        }
    }

    /// Returns once the entry at an index is applied.
    ///
    /// # Errors
    /// When the group stops before.
    pub async fn applied(&self, index: u64) -> Result<(), ProposeError> {
        let applied = self.machine.lock().await.applied;
        if applied.is_some_and(|applied| applied.index >= index) {
            return Ok(());
        }
        let reached = |metrics: &openraft::RaftMetrics<TypeConfig>| {
            metrics
                .last_applied
                .is_some_and(|applied| applied.index >= index)
        };
        let waited = self
            .raft
            .wait(None)
            .metrics(reached, "an entry to be applied")
            .await;
        waited
            .map(|_| ())
            .map_err(|error| ProposeError::Stopped(error.to_string()))
    }

    /// Calls a function with what is replicated, between two entries.
    pub async fn inspect<T>(&self, look: impl FnOnce(&mut R) -> T) -> T {
        look(&mut self.machine.lock().await.replicated)
    }

    /// Why the group takes no more entries: a checkpoint was refused for its size. `None` while it
    /// takes them.
    pub fn sealed(&self) -> Option<Arc<str>> {
        self.seal.reason()
    }

    /// Its number in the shared log and in the checkpoint store.
    pub fn id(&self) -> GroupId {
        self.config.id
    }

    /// Term of the last applied entry.
    pub async fn term(&self) -> u64 {
        self.machine
            .lock()
            .await
            .applied
            .map_or(0, |applied| applied.leader_id.term)
    }

    /// Index of the newest durable checkpoint.
    pub async fn checkpoint_index(&self) -> Option<u64> {
        self.checkpointed.lock().await.map(|applied| applied.index)
    }

    /// Stops the replica. Proposals that are not yet applied have an unknown outcome.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(group = self.config.name, %error, "stopping a group");
        }
    }
}

/// Checks that the log reaches from the state to the last acknowledged entry.
fn check_continuity(
    config: &GroupConfig,
    log: &FileLog,
    recovered: Option<Position>,
) -> Result<(), StartError> {
    let state = log.state(config.id);
    let at = recovered.map(|position| position.index);
    let in_words =
        |index: Option<u64>| index.map_or("nothing".to_owned(), |index| format!("entry {index}"));
    if let Some(purged) = state.purged.map(|position| position.index)
        && at.is_none_or(|at| at < purged)
    {
        let group = config.name.clone();
        return Err(StartError::LogTooShort {
            group,
            purged,
            state: in_words(at),
        });
    }
    let last = state.last.map(|position| position.index);
    match at {
        Some(at) if last.is_none_or(|last| last < at) => Err(StartError::LogLost {
            group: config.name.clone(),
            last: in_words(last),
            state: at,
        }),
        _ => Ok(()),
    }
}

/// A base that lost its newest files while the node was down looks like a valid older one, to which
/// the log need not reach back.
fn miss_bases_behind_the_log(config: &GroupConfig, resources: &GroupResources) {
    let purged = resources.log.state(config.id).purged;
    let bases = resources.store.bases(config.id).unwrap_or_default();
    let is_behind = |index: u64| purged.is_some_and(|purged| index < purged.index);
    if bases.iter().any(|base| is_behind(base.position.index)) {
        tracing::warn!(group = config.name, "the log does not reach back to a base");
        resources.store.mark_base_lost(config.id);
    }
}

fn raft_config(config: &GroupConfig) -> Result<Config, StartError> {
    Config {
        cluster_name: config.name.clone(),
        heartbeat_interval: config.heartbeat_ms,
        election_timeout_min: config.election_min_ms,
        election_timeout_max: config.election_max_ms,
        // While groups have one voter there are no peers to time out: it elects itself at its
        // start, and an idle group writes nothing.
        enable_tick: false,
        // The node decides when to cut bases and to purge the log, not the number of entries.
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: u64::MAX,
        ..Config::default()
    }
    .validate()
    .map_err(|error| config.refused(error))
}

//! What a group is started with.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use openraft::{Config, SnapshotPolicy};
use tokio::sync::Semaphore;

use super::{
    error::StartError, peers::transport::Transport, state_store::StateStore,
    types::CheckpointOutcome,
};
use crate::store::{GroupId, log::LogEngine};

/// Commands of openraft that may wait for the state machine. Beyond, openraft's core waits, and
/// with it votes and heartbeats. Applying may stand still for long: while the state is loaded, and
/// until a checkpoint has begun. A command takes some 200 bytes and tells of any number of
/// committed entries.
const COMMANDS_WAITING_MAX: u64 = 1 << 20;

/// A group's identity and timers.
#[derive(Clone, Debug)]
pub struct GroupConfig {
    /// For logs: `shard-3`, `control`.
    pub name: String,
    /// Its number in the shared log and in the checkpoint store.
    pub id: GroupId,
    /// This replica's incarnation.
    pub replica: u64,
    /// The voters with which the group begins, this replica among them, and their addresses; used
    /// only when nothing of the group is stored here. `None` for a replica that joins a group.
    pub founders: Option<BTreeMap<u64, String>>,
    /// Interval between a leader's heartbeats, ms.
    pub heartbeat_ms: u64,
    /// Minimum wait before an election, ms.
    pub election_min_ms: u64,
    /// Maximum wait before an election, ms.
    pub election_max_ms: u64,
    /// Time within which a proposal has an outcome; then it is unknown.
    pub propose_within: Duration,
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

    pub(super) fn for_openraft(&self) -> Result<Config, StartError> {
        Config {
            cluster_name: self.name.clone(),
            heartbeat_interval: self.heartbeat_ms,
            election_timeout_min: self.election_min_ms,
            election_timeout_max: self.election_max_ms,
            // Enabled while the group has several voters. A single one elects itself, and an idle
            // group has no timer.
            enable_tick: false,
            // Neither the applied state nor what is committed is durable at each entry.
            enable_leader_restore: Some(false),
            // A leader without a quorum falls silent, so that its heartbeats do not keep others
            // from electing one.
            quorum_loss_probe_interval: Some(3 * self.election_max_ms),
            enable_pre_vote: Some(true),
            state_machine_channel_size: Some(COMMANDS_WAITING_MAX),
            // The node decides when to cut bases and to purge the log, not the number of entries.
            snapshot_policy: SnapshotPolicy::Never,
            max_in_snapshot_log_to_keep: u64::MAX,
            ..Config::default()
        }
        .validate()
        .map_err(|error| self.refused(error))
    }
}

/// Called with the group's number, the instant its checkpoint began, and the outcome.
pub type CheckpointHook = dyn Fn(GroupId, Instant, &CheckpointOutcome) + Send + Sync;

/// Resources shared by the groups of a node.
#[derive(Clone)]
pub struct GroupResources {
    /// The log of all groups.
    pub log: Arc<dyn LogEngine>,
    /// The durable states of all groups.
    pub states: Arc<dyn StateStore>,
    /// Carries messages to other nodes.
    pub transport: Arc<dyn Transport>,
    /// Permits for loading states: it is bound by the processors.
    pub loads: Arc<Semaphore>,
    /// Permits for checkpoints: what one gathers stays in memory until it is durable.
    pub turns: Arc<Semaphore>,
    /// Ends the process, with a reason: the disk has failed.
    pub fatal: Arc<dyn Fn(&str) + Send + Sync>,
    /// Called after every requested checkpoint.
    pub checkpointed: Arc<CheckpointHook>,
}

impl fmt::Debug for GroupResources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupResources").finish_non_exhaustive()
    }
}

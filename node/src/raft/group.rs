//! A Raft group on this node: proposals, linearizable reads, what peers send.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures::FutureExt;
use openraft::{
    ChangeMembers, Raft, ReadPolicy,
    async_runtime::WatchReceiver,
    errors::{ClientWriteError, RaftError},
    impls::BasicNode,
    raft::{AppendEntriesResponse, VoteResponse},
    type_config::alias::SnapshotOf,
};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::{
    config::{GroupConfig, GroupResources},
    error::{ChangeError, ProposeError, ReceiveError, StartError},
    leadership::Leadership,
    log::LogStore,
    machine::StateMachine,
    peers::{
        network::Network,
        silence::Silences,
        transport::{Answer, BaseMessage, Message},
    },
    replica::Replica,
    replicated::Replicated,
    state_record::{StateRecord, to_log_id},
    state_store::StoredState,
    types::{BaseSnapshot, Proposal, TypeConfig, Written},
};
use crate::{
    clock::{ClockReading, LogClock},
    store::{GroupId, checkpoint::Position, log::LogEngine},
};

/// Entries read at once for replication, bytes: within tonic's default message limit of 4 MiB.
const READ_BYTES_MAX: u64 = 2 << 20;

/// Concurrent checkpoints of a node: some are gathered while one is written.
pub const CHECKPOINTS_AT_ONCE: usize = 4;

/// A group whose replica runs on this node.
pub struct Group<R: Replicated> {
    pub(super) replica: Arc<Replica<R>>,
    pub(super) raft: Raft<TypeConfig, StateMachine<R>>,
    pub(super) log: LogStore<dyn LogEngine>,
    clock: Arc<LogClock>,
    pub(super) leadership: watch::Sender<Leadership>,
    /// Checkpoints in progress, and the tasks that live as long as the group.
    pub(super) tasks: TaskTracker,
}

impl<R: Replicated> Group<R> {
    /// Starts the group's replica: it votes and takes entries at once, whether it leads or not. Its
    /// state is loaded into `replicated` meanwhile; see [`ready`](Self::ready).
    ///
    /// # Errors
    /// When state and log do not fit together, or openraft does not start.
    pub async fn start(
        config: GroupConfig,
        resources: GroupResources,
        clock: Arc<LogClock>,
        replicated: R,
    ) -> Result<Arc<Self>, StartError> {
        let stored = resources.states.stored(config.id);
        let stored = stored.map_err(|error| config.unreadable(error))?;
        check_continuity(&config, &resources, stored.as_ref())?;
        miss_bases_behind_the_log(&config, &resources);
        let claimed = stored.map(|stored| {
            let record = StateRecord::decode(&stored.meta, &R::STATE_VERSIONS)?;
            Ok((to_log_id(stored.position), record.membership))
        });
        let claimed = claimed.transpose();
        let claimed = claimed.map_err(|error: io::Error| config.unreadable(error))?;
        let replica = Replica::of(config, resources, claimed, replicated);
        let config = &replica.config;
        let log = LogStore::new(
            Arc::clone(&replica.resources.log),
            config.id,
            READ_BYTES_MAX,
        );
        let network = Network {
            transport: Arc::clone(&replica.resources.transport),
            group: config.id,
            replica: config.replica,
            clock: Arc::clone(&clock),
            silences: Silences::new(Duration::from_millis(config.election_max_ms)),
        };
        let machine = StateMachine(Arc::clone(&replica));
        let settings = Arc::new(config.for_openraft()?);
        let raft = Raft::new(config.replica, settings, network, log.clone(), machine)
            // Boxed, or the compiler can't prove that the caller's future is `Send`.
            .boxed()
            .await
            .map_err(|error| config.refused(error))?;
        let group = Arc::new(Self {
            replica,
            raft,
            log,
            clock,
            leadership: watch::Sender::default(),
            tasks: TaskTracker::new(),
        });
        group.spawn_tasks();
        match group.found().await {
            Ok(()) => Ok(group),
            Err(error) => {
                group.stop().await;
                Err(error)
            }
        }
    }

    fn spawn_tasks(self: &Arc<Self>) {
        self.tasks.spawn(Arc::clone(self).load());
        self.tasks.spawn(Arc::clone(self).watch_raft());
        self.tasks.spawn(Arc::clone(self).checkpoint_when_due());
    }

    /// Gives a group of which nothing is stored its first voters.
    async fn found(&self) -> Result<(), StartError> {
        let config = &self.replica.config;
        let Some(founders) = &config.founders else {
            return Ok(());
        };
        let initialized = self.raft.is_initialized().await;
        if initialized.map_err(|error| config.refused(error))? {
            return Ok(());
        }
        let mut members = BTreeMap::new();
        for (replica, address) in founders {
            members.insert(*replica, BasicNode::new(address));
        }
        match self.raft.initialize(members).await {
            // Another founder was faster: its entries are here already.
            Ok(()) | Err(RaftError::APIError(_)) => Ok(()),
            Err(error) => Err(config.refused(error)),
        }
    }

    /// Proposes an entry. Returns where it is and its result once it is committed and applied.
    ///
    /// # Errors
    /// See [`ProposeError`].
    pub async fn propose(&self, payload: Bytes) -> Result<Written, ProposeError> {
        let within = self.replica.config.propose_within;
        let written = tokio::time::timeout(within, self.propose_unbounded(payload)).await;
        let why = "no outcome within the deadline";
        written.unwrap_or_else(|_| Err(ProposeError::Unknown(why.to_owned())))
    }

    /// The same without a deadline: the caller has to bound what waits. Dropping the future leaves
    /// the proposal as it is.
    ///
    /// # Errors
    /// See [`ProposeError`].
    pub async fn propose_unbounded(&self, payload: Bytes) -> Result<Written, ProposeError> {
        if let Some(why) = self.replica.seal.reason() {
            return Err(ProposeError::Sealed(why));
        }
        if self.replica.failure().is_some() {
            return Err(ProposeError::NotLeader);
        }
        match self.raft.client_write(Proposal(payload)).await {
            Ok(written) => Ok(Written {
                index: written.log_id.index,
                term: written.log_id.leader_id.term,
                leader: written.log_id.leader_id.node_id,
                applied: written.data,
            }),
            // openraft answers this only to what it did not append; see its documentation of
            // `ClientWriteError`.
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_))) => {
                Err(ProposeError::NotLeader)
            }
            Err(error) => Err(ProposeError::Unknown(error.to_string())),
        }
    }

    /// Time within which a proposal has an outcome.
    pub fn propose_within(&self) -> Duration {
        self.replica.config.propose_within
    }

    /// Index of the newest entry acknowledged before this call, confirmed by a quorum.
    ///
    /// # Errors
    /// When this replica does not lead, or the group has stopped.
    pub async fn read_index(&self) -> Result<u64, ProposeError> {
        match self.raft.get_read_log_id(ReadPolicy::ReadIndex).await {
            Ok((read, _)) => Ok(read.index()),
            Err(RaftError::APIError(_)) => Err(ProposeError::NotLeader),
            Err(error) => Err(ProposeError::Unknown(error.to_string())),
        }
    }

    /// Returns once the entry at an index is applied.
    ///
    /// # Errors
    /// When the replica ends before.
    pub async fn applied(&self, index: u64) -> Result<(), ProposeError> {
        let reached = self.replica.reach(|progress| progress.has_applied(index));
        reached
            .await
            .map_err(|why| ProposeError::Unknown(why.as_ref().into()))
    }

    /// Answers a message of another replica.
    ///
    /// # Errors
    /// When this replica has ended.
    pub async fn receive(&self, message: Message) -> Result<Answer, ReceiveError> {
        let answer = match message {
            Message::Append { clock, request } => {
                let response = self.raft.append_entries(request).await;
                response.map(|response| self.answer_append(clock, response))
            }
            Message::Vote(rpc) => self.raft.vote(rpc).await.map(|it| self.answer_vote(it)),
            Message::PreVote(rpc) => self.raft.pre_vote(rpc).await.map(|it| self.answer_vote(it)),
            Message::TransferLeader(rpc) => {
                let answer = self.raft.handle_transfer_leader(rpc).await;
                answer.map(Answer::TransferLeader).map_err(RaftError::Fatal)
            }
        };
        answer.map_err(|error| ReceiveError(error.to_string()))
    }

    fn answer_append(
        &self,
        clock: ClockReading,
        response: AppendEntriesResponse<TypeConfig>,
    ) -> Answer {
        // Only a leader in power tells the time.
        if !matches!(response, AppendEntriesResponse::HigherVote(_)) {
            self.clock.heard_leader(clock);
        }
        let clock = self.clock.reading();
        Answer::Append { clock, response }
    }

    fn answer_vote(&self, response: VoteResponse<TypeConfig>) -> Answer {
        let clock = self.clock.reading();
        Answer::Vote { clock, response }
    }

    /// Installs a received base, whose files are in this node's place for them.
    ///
    /// # Errors
    /// When this replica has ended.
    pub async fn receive_base(&self, message: BaseMessage) -> Result<Answer, ReceiveError> {
        let BaseMessage { vote, meta, base } = message;
        let snapshot = SnapshotOf::<TypeConfig, BaseSnapshot> {
            meta,
            snapshot: base,
        };
        let answer = self.raft.install_full_snapshot(vote, snapshot).await;
        answer
            .map(Answer::Base)
            .map_err(|error| ReceiveError(error.to_string()))
    }

    /// Adds a replica that receives entries but does not vote. Returns once that is committed, not
    /// when it has caught up.
    ///
    /// # Errors
    /// When this replica does not lead, or the change was not made.
    pub async fn add_non_voter(&self, replica: u64, address: &str) -> Result<(), ChangeError> {
        let node = BasicNode::new(address);
        let added = self.raft.add_learner(replica, node, false).await;
        added
            .map(drop)
            .map_err(|error| ChangeError(error.to_string()))
    }

    /// Changes the voters in one joint step. Replicas that are no longer among them are removed.
    ///
    /// # Errors
    /// When this replica does not lead, or the change was not made.
    pub async fn change_voters(&self, voters: &[u64]) -> Result<(), ChangeError> {
        let voters = ChangeMembers::ReplaceAllVoters(voters.iter().copied().collect());
        let changed = self.raft.change_membership(voters, false).await;
        changed
            .map(drop)
            .map_err(|error| ChangeError(error.to_string()))
    }

    /// Asks a voter to take over. It should be alive and have all entries: until it leads, or the
    /// transfer is given up, proposals are refused.
    ///
    /// # Errors
    /// When the group has stopped.
    pub async fn hand_over(&self, to: u64) -> Result<(), ChangeError> {
        let asked = self.raft.trigger().transfer_leader(to).await;
        asked.map_err(|error| ChangeError(error.to_string()))
    }

    /// Calls a function with what is replicated, between two entries.
    pub async fn inspect<T>(&self, look: impl FnOnce(&mut R) -> T) -> T {
        look(&mut self.replica.machine.lock().await.replicated)
    }

    /// Who leads, as this replica knows it. Waits for nothing.
    pub fn leadership(&self) -> Leadership {
        *self.leadership.borrow()
    }

    /// Receives each change of the leadership. A short one may be missed.
    pub fn leaderships(&self) -> watch::Receiver<Leadership> {
        self.leadership.subscribe()
    }

    /// Index of the last applied entry; `None` before the state is loaded, and before the first.
    pub fn applied_index(&self) -> Option<u64> {
        let progress = self.replica.progress.borrow();
        let applied = progress.applied.filter(|_| progress.is_loaded);
        applied.map(|applied| applied.index)
    }

    /// The voters, as of the newest entry that changed them.
    pub fn voters(&self) -> BTreeSet<u64> {
        let metrics = self.raft.server_metrics();
        let metrics = metrics.borrow_watched();
        metrics.membership_config.voter_ids().collect()
    }

    /// Why the group takes no more entries: a checkpoint was refused for its size. `None` while it
    /// takes them.
    pub fn sealed(&self) -> Option<Arc<str>> {
        self.replica.seal.reason()
    }

    /// Why the replica on this node has ended by itself; `None` while it runs.
    pub fn failed(&self) -> Option<Arc<str>> {
        self.replica.failure()
    }

    /// Returns once the replica on this node has ended; the reason.
    pub async fn ended(&self) -> Arc<str> {
        self.replica.ended().await
    }

    /// Its number in the shared log and in the checkpoint store.
    pub fn id(&self) -> GroupId {
        self.replica.config.id
    }

    /// This replica's incarnation.
    pub fn replica(&self) -> u64 {
        self.replica.config.replica
    }

    /// Index of the newest durable checkpoint.
    pub async fn checkpoint_index(&self) -> Option<u64> {
        let checkpointed = self.replica.checkpointed.lock().await;
        checkpointed.map(|applied| applied.index)
    }

    /// Stops the replica. Proposals that are not yet applied have an unknown outcome.
    pub async fn stop(&self) {
        self.replica.stop.cancel();
        // First, so that no task waits for it.
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(group = self.replica.config.name, %error, "stopping a group");
        }
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Checks that the log reaches from the state to the last acknowledged entry.
fn check_continuity(
    config: &GroupConfig,
    resources: &GroupResources,
    stored: Option<&StoredState>,
) -> Result<(), StartError> {
    let state = resources.log.state(config.id);
    let at = stored.map(|stored| stored.position.index);
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
    // openraft purges the log up to an installed base only once it is the state.
    let installed = resources.states.installed(config.id);
    if installed.is_some() && installed == stored.map(|stored| stored.position) {
        return Ok(());
    }
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
    let is_behind = |base: &Position| purged.is_some_and(|purged| base.index < purged.index);
    if resources
        .states
        .base_positions(config.id)
        .iter()
        .any(is_behind)
    {
        tracing::warn!(group = config.name, "the log does not reach back to a base");
        resources.states.mark_base_lost(config.id);
    }
}

//! One process of a node: its groups, from a start to a kill.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fastrand::Rng;
use homeroom_node::clock::{ClockReading, LogClock, TimeSource};
use homeroom_node::raft::{
    Answer, BaseMessage, Group, GroupConfig, GroupResources, Message, ProposeError,
};
use homeroom_node::store::GroupId;
use homeroom_node::store::log::{LogEngine, MemoryLog};
use homeroom_tests::oracle::NaiveEvent;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::disk_log::DiskLog;
use super::flushed::Flushed;
use super::network::{Links, Network};
use super::node_time::NodeTime;
use super::shard_replica::ShardReplica;
use super::states::{DiskStates, ProcessStates, Shelf};
use super::{GROUPS, NODES, replica_of};
use crate::bug::Bug;
use crate::checks::{Ack, History, Leaders, LogLedger};
use crate::sim::Sim;

const HEARTBEAT_MS: u64 = 150;
const ELECTION_MS: (u64, u64) = (400, 700);
/// Time within which a proposal has an outcome.
const PROPOSE_WITHIN: Duration = Duration::from_secs(2);

/// What all processes share.
#[derive(Clone)]
pub struct Shared {
    pub sim: Arc<Sim>,
    pub network: Arc<Network>,
    pub history: Arc<History>,
    pub ledger: Arc<LogLedger>,
    pub leaders: Arc<Leaders>,
    pub shelf: Arc<Shelf>,
}

/// What a process begins with.
pub struct Machine {
    pub node: usize,
    pub replica: u64,
    /// Number of the process among all.
    pub generation: u64,
    pub time: Arc<NodeTime>,
    pub log: Arc<MemoryLog>,
    pub states: Arc<DiskStates>,
    pub flushed: Flushed,
    /// Whether it comes with an empty disk, into groups that others founded.
    pub joins: bool,
}

/// The outcome of a proposal.
#[derive(Clone, Debug)]
pub enum Proposed {
    Acked,
    /// Nothing was written; perhaps who leads.
    NotLeader(Option<u64>),
    /// It may or may not be written.
    Unknown,
}

type OurGroup = Group<ShardReplica>;

struct Hosted {
    clock: Arc<LogClock>,
    group: OnceLock<Arc<OurGroup>>,
}

/// A running process.
pub struct Process {
    pub node: usize,
    pub replica: u64,
    pub generation: u64,
    pub killed: CancellationToken,
    shared: Shared,
    time: Arc<NodeTime>,
    log: Arc<MemoryLog>,
    groups: Vec<Hosted>,
}

impl Process {
    /// Starts all groups; returns at once.
    pub fn start(shared: &Shared, machine: Machine) -> Arc<Self> {
        let Machine {
            node,
            replica,
            generation,
            time,
            log,
            ..
        } = &machine;
        let hosted = |_| Hosted {
            clock: LogClock::new(Arc::clone(time) as Arc<dyn TimeSource>),
            group: OnceLock::new(),
        };
        let process = Arc::new(Self {
            node: *node,
            replica: *replica,
            generation: *generation,
            killed: CancellationToken::new(),
            shared: shared.clone(),
            time: Arc::clone(time),
            log: Arc::clone(log),
            groups: (0..GROUPS).map(hosted).collect(),
        });
        shared.network.put(*node, Some(Arc::clone(&process)));
        process.alive(Arc::clone(&process).flush());
        for group in 0..GROUPS {
            let vote = log.state(group).vote;
            shared
                .ledger
                .starts_with(&shared.sim, *replica, group, vote);
            let resources = process.resources(&machine);
            let states = Arc::clone(&machine.states);
            let config = process.config(group, machine.joins);
            process.alive(Arc::clone(&process).host(group, config, resources, states));
        }
        process
    }

    /// Runs until the process is killed.
    pub fn alive(&self, task: impl Future<Output = ()> + Send + 'static) {
        let killed = self.killed.clone();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = killed.cancelled() => {}
                () = task => {}
            }
        });
    }

    fn config(&self, group: GroupId, joins: bool) -> GroupConfig {
        let founder = |node| (replica_of(node, 0), address(node));
        let founders: BTreeMap<u64, String> = (0..NODES).map(founder).collect();
        GroupConfig {
            name: format!("shard-{group}"),
            id: group,
            replica: self.replica,
            founders: (!joins).then_some(founders),
            heartbeat_ms: HEARTBEAT_MS,
            election_min_ms: ELECTION_MS.0,
            election_max_ms: ELECTION_MS.1,
            propose_within: PROPOSE_WITHIN,
        }
    }

    fn resources(&self, machine: &Machine) -> GroupResources {
        let Shared { sim, .. } = &self.shared;
        let (fatal_sim, node, killed) = (Arc::clone(sim), self.node, self.killed.clone());
        let flushed = machine.flushed.clone();
        GroupResources {
            log: Arc::new(DiskLog {
                sim: Arc::clone(sim),
                log: Arc::clone(&machine.log),
                ledger: Arc::clone(&self.shared.ledger),
                replica: self.replica,
                flushed: flushed.clone(),
            }),
            states: Arc::new(ProcessStates {
                sim: Arc::clone(sim),
                flushed,
                disk: Arc::clone(&machine.states),
                shelf: Arc::clone(&self.shared.shelf),
                killed: self.killed.clone(),
            }),
            transport: Arc::new(Links {
                network: Arc::clone(&self.shared.network),
                node: self.node,
                generation: self.generation,
            }),
            turns: Arc::new(Semaphore::new(4)),
            loads: Arc::new(Semaphore::new(4)),
            fatal: Arc::new(move |why| {
                if !killed.is_cancelled() {
                    fatal_sim.violated("no disk fails", format_args!("node {node}: {why}"));
                }
            }),
            checkpointed: Arc::new(|_, _, _| {}),
        }
    }

    /// Starts a group and does for it what a node does.
    async fn host(
        self: Arc<Self>,
        group: GroupId,
        config: GroupConfig,
        resources: GroupResources,
        states: Arc<DiskStates>,
    ) {
        let Shared { sim, history, .. } = &self.shared;
        let clock = &self.hosted(group).clock;
        let replicated = ShardReplica::new(
            (Arc::clone(sim), self.node, group),
            Arc::clone(history),
            Arc::clone(clock),
            states,
        );
        let mut due = replicated.due();
        let started = match Group::start(config, resources, Arc::clone(clock), replicated).await {
            Ok(started) => started,
            Err(error) => sim.violated(
                "a replica starts",
                format_args!("node {}, group {group}: {error}", self.node),
            ),
        };
        let _ = self.hosted(group).group.set(Arc::clone(&started));
        self.alive(Arc::clone(&self).watch(group, Arc::clone(&started)));
        self.alive(Arc::clone(&self).keep_time(Arc::clone(&started)));
        self.alive(Arc::clone(&self).checkpoint(Arc::clone(&started), sim.rng()));
        loop {
            let due_ms = *due.borrow_and_update();
            let now_ms = self.hosted(group).clock.now_ms();
            if due_ms.is_some_and(|due_ms| now_ms >= Some(due_ms)) {
                self.propose(group, &[]).await;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Tells the checks of each change of the leadership, and of a replica that ends.
    async fn watch(self: Arc<Self>, id: GroupId, group: Arc<OurGroup>) {
        let Shared { sim, leaders, .. } = &self.shared;
        let mut leaderships = group.leaderships();
        loop {
            let present = *leaderships.borrow_and_update();
            leaders.changed(sim, id, (self.replica, self.generation), present);
            if let Some(why) = group.failed() {
                let node = self.node;
                sim.violated(
                    "no replica ends",
                    format_args!("node {node}, group {id}: {why}"),
                );
            }
            if leaderships.changed().await.is_err() {
                return;
            }
        }
    }

    /// Anchors a leader's clock, and lets it follow the voters' wall clocks.
    async fn keep_time(self: Arc<Self>, group: Arc<OurGroup>) {
        let clock = &self.hosted(group.id()).clock;
        let mut leaderships = group.leaderships();
        loop {
            // The sender lives as long as the group.
            let _ = leaderships.wait_for(|present| present.leads).await;
            let voters = group.voters().into_iter().collect();
            if clock.anchor(self.replica, &voters) {
                clock.observe(self.replica, &voters);
                tokio::time::sleep(Duration::from_secs(1)).await;
            } else {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// Checkpoints and bases, on each replica at other times.
    async fn checkpoint(self: Arc<Self>, group: Arc<OurGroup>, mut rng: Rng) {
        let every_ms = rng.u64(300..6_000);
        let base_one_in = rng.u8(2..8);
        loop {
            tokio::time::sleep(Duration::from_millis(rng.u64(1..=2 * every_ms))).await;
            group.checkpoint().await;
            if rng.u8(..base_one_in) == 0 {
                // An error is that of a killed process, or of a leader that has changed.
                let _ = group.cut_base().await;
            }
        }
    }

    /// The disk: what was written becomes durable a little later.
    async fn flush(self: Arc<Self>) {
        let mut rng = self.shared.sim.rng();
        loop {
            self.log.pending().await;
            let is_slow = rng.u8(..) < 12;
            let delay_ms = rng.u64(if is_slow { 50..400 } else { 0..6 });
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            if rng.bool() {
                self.log.flush();
            } else {
                self.log.flush_first(rng.usize(1..8));
            }
        }
    }

    fn hosted(&self, group: GroupId) -> &Hosted {
        &self.groups[usize::from(group)]
    }

    /// A group that has started.
    pub fn group(&self, group: GroupId) -> Option<&Arc<OurGroup>> {
        self.hosted(group).group.get()
    }

    /// The clocks of a group's replica.
    pub fn reading(&self, group: GroupId) -> ClockReading {
        self.hosted(group).clock.reading()
    }

    /// Answers a message of another replica; `None` when there is no answer.
    pub async fn receive(&self, group: GroupId, message: Message) -> Option<Answer> {
        let received = self.group(group)?.receive(message);
        tokio::select! {
            biased;
            () = self.killed.cancelled() => None,
            answer = received => answer.ok(),
        }
    }

    /// Installs a base; `None` when there is no answer.
    pub async fn receive_base(&self, group: GroupId, message: BaseMessage) -> Option<Answer> {
        let received = self.group(group)?.receive_base(message);
        tokio::select! {
            biased;
            () = self.killed.cancelled() => None,
            answer = received => answer.ok(),
        }
    }

    /// Proposes events, or a tick without any.
    pub async fn propose(&self, group: GroupId, events: &[NaiveEvent]) -> Proposed {
        let Some(started) = self.group(group) else {
            return Proposed::NotLeader(None);
        };
        let Shared { sim, history, .. } = &self.shared;
        let present = started.leadership();
        let stamp_ms = match sim.has(Bug::LogTimeFromWall) {
            true => Some(self.time.wall_ms()),
            false => self.hosted(group).clock.now_ms(),
        };
        let Some(log_time_ms) = stamp_ms.filter(|_| present.leads) else {
            return Proposed::NotLeader(present.leader);
        };
        let (payload, proposed_ms) = (history.propose(group, log_time_ms, events), sim.now_ms());
        let hasty = sim.has(Bug::AckBeforeCommit);
        let place = tokio::select! {
            biased;
            () = self.killed.cancelled() => return Proposed::Unknown,
            written = started.propose(payload.clone()) => match written {
                Ok(it) => {
                    let outcomes = String::from_utf8_lossy(&it.applied.0).into_owned();
                    Some((it.index, it.term, it.leader, outcomes))
                }
                Err(ProposeError::NotLeader) => {
                    history.not_written(group, &payload);
                    return Proposed::NotLeader(started.leadership().leader);
                }
                Err(ProposeError::Unknown(_)) => return Proposed::Unknown,
                Err(ProposeError::Sealed(why)) => {
                    sim.violated("no group is sealed", format_args!("group {group}: {why}"))
                }
            },
            () = tokio::time::sleep(Duration::from_millis(40)), if hasty => None,
        };
        let ack = Ack {
            group,
            payload,
            place,
        };
        history.acked(sim, ack, proposed_ms);
        Proposed::Acked
    }

    /// Ends the process at once. Its tasks that still run change nothing any more.
    pub fn kill(self: &Arc<Self>) {
        self.killed.cancel();
        self.shared.network.put(self.node, None);
        for hosted in &self.groups {
            if let Some(group) = hosted.group.get().cloned() {
                tokio::spawn(async move { group.stop().await });
            }
        }
    }
}

/// The address of a node.
pub fn address(node: usize) -> String {
    format!("node-{node}")
}

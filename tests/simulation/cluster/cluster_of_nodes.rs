//! The nodes: what survives their processes, and what is done to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fastrand::Rng;
use futures::FutureExt;
use homeroom_node::store::log::{CONTROL_BYTES, Flushing, LogEngine, MemoryLog};
use parking_lot::Mutex;

use super::flushed::Flushed;
use super::network::Network;
use super::node_time::NodeTime;
use super::process::{Machine, Process, Shared, address};
use super::states::DiskStates;
use super::{GROUPS, NODES, replica_of};
use crate::bug::Bug;
use crate::checks::{History, Leaders, LogLedger};
use crate::sim::Sim;

const LOG_QUEUE_BYTES: u32 = 64 << 20;

struct Node {
    time: Arc<NodeTime>,
    log: Arc<MemoryLog>,
    states: Arc<DiskStates>,
    incarnation: u64,
    joins: bool,
}

/// Three nodes.
pub struct Cluster {
    pub shared: Shared,
    nodes: Mutex<Vec<Node>>,
    rng: Mutex<Rng>,
    generations: Mutex<u64>,
    /// Simulated time of the last disturbance, ms.
    disturbed_ms: Mutex<i64>,
    is_replacing: AtomicBool,
}

impl Cluster {
    /// Nodes that do not run yet.
    pub fn new(sim: Arc<Sim>) -> Arc<Self> {
        let mut rng = sim.rng();
        let node = |_| Node {
            time: Arc::new(NodeTime::new(
                Arc::clone(&sim),
                rng.i64(0..1 << 50),
                rng.i64(-80..80),
            )),
            log: Arc::new(MemoryLog::new(Flushing::ByHand, LOG_QUEUE_BYTES)),
            states: Arc::default(),
            incarnation: 0,
            joins: false,
        };
        let nodes = (0..NODES).map(node).collect();
        Arc::new(Self {
            shared: Shared {
                network: Arc::new(Network::new(Arc::clone(&sim))),
                history: Arc::new(History::default()),
                ledger: Arc::new(LogLedger::default()),
                leaders: Arc::new(Leaders::default()),
                shelf: Arc::default(),
                sim,
            },
            nodes: Mutex::new(nodes),
            rng: Mutex::new(rng),
            generations: Mutex::new(0),
            disturbed_ms: Mutex::new(0),
            is_replacing: AtomicBool::new(false),
        })
    }

    pub fn network(&self) -> &Arc<Network> {
        &self.shared.network
    }

    /// Something happens that may cost a leader.
    pub fn disturb(&self, what: std::fmt::Arguments<'_>) {
        self.shared.sim.trace(what);
        *self.disturbed_ms.lock() = self.shared.sim.now_ms();
    }

    /// Simulated time of the last disturbance, ms.
    pub fn disturbed_ms(&self) -> i64 {
        *self.disturbed_ms.lock()
    }

    /// Whether a lost replica is being replaced.
    pub fn is_replacing(&self) -> bool {
        self.is_replacing.load(Ordering::Relaxed)
    }

    pub fn set_replacing(&self, is_replacing: bool) {
        self.is_replacing.store(is_replacing, Ordering::Relaxed);
        self.disturb(format_args!("replacing: {is_replacing}"));
    }

    /// Starts a node's process, unless it runs.
    pub fn start(&self, node: usize) {
        if self.network().process(node).is_some() {
            return;
        }
        self.disturb(format_args!("start {node}"));
        let machine = {
            let (nodes, mut generation) = (self.nodes.lock(), self.generations.lock());
            *generation += 1;
            let of = &nodes[node];
            Machine {
                node,
                replica: replica_of(node, of.incarnation),
                generation: *generation,
                time: Arc::clone(&of.time),
                flushed: Flushed::of(&of.log),
                log: Arc::clone(&of.log),
                states: Arc::clone(&of.states),
                joins: of.joins,
            }
        };
        if self.shared.sim.has(Bug::ForgottenVote) {
            self.forget_votes(node, &machine.log);
        }
        Process::start(&self.shared, machine);
    }

    /// Ends a node's process. Of what was not flushed, a part is durable.
    pub fn kill(&self, node: usize) {
        let Some(process) = self.network().process(node) else {
            return;
        };
        self.disturb(format_args!("kill {node}"));
        process.kill();
        let sim = &self.shared.sim;
        let mut nodes = self.nodes.lock();
        let Node { log, states, .. } = &mut nodes[node];
        log.crash_torn(self.rng.lock().usize(0..=log.unflushed()));
        *log = Arc::new(log.restarted());
        for group in 0..GROUPS {
            let last = log.state(group).last.map(|last| last.index);
            let checkpoint = states.position(group).map(|position| position.index);
            // The log is purged up to an installed base only afterwards.
            if last < checkpoint && !states.is_installed(group) {
                let words = format_args!("node {node}, group {group}: {last:?} < {checkpoint:?}");
                sim.violated("a checkpoint is not ahead of its log", words);
            }
        }
    }

    /// Writes the vote that each group had before its last one.
    fn forget_votes(&self, node: usize, log: &MemoryLog) {
        let incarnation = self.nodes.lock()[node].incarnation;
        let replica = replica_of(node, incarnation);
        for group in 0..GROUPS {
            let permit = log.control_budget().acquire(CONTROL_BYTES).now_or_never();
            let before = self.shared.ledger.promise_before(replica, group);
            if let (Some(before), Some(Ok(permit))) = (before, permit) {
                // Refused by no log that was just restarted.
                let _ = log.save_vote(group, before, permit, Box::new(drop));
            }
        }
        log.flush();
    }

    /// Ends a node's process, and everything on its disk is gone.
    pub fn lose_disk(&self, node: usize) {
        self.kill(node);
        self.disturb(format_args!("lose disk {node}"));
        let mut nodes = self.nodes.lock();
        let of = &mut nodes[node];
        of.log.lose_disk();
        of.log = Arc::new(of.log.restarted());
        of.states.lose();
        of.incarnation += 1;
        of.joins = true;
    }

    /// Takes the new replica of a node with a lost disk into all groups, in place of the old one.
    pub async fn replace(&self, node: usize) {
        let replica = replica_of(node, self.nodes.lock()[node].incarnation);
        for group in 0..GROUPS {
            while !self.take_in(group, node, replica).await {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        self.disturb(format_args!("replaced {node}"));
    }

    async fn take_in(&self, group: u16, node: usize, replica: u64) -> bool {
        for process in self.network().running() {
            let Some(led) = process.group(group).filter(|it| it.leadership().leads) else {
                continue;
            };
            let change = async {
                led.add_non_voter(replica, &address(node)).await?;
                let others = led.voters().into_iter();
                let mut voters: Vec<u64> =
                    others.filter(|it| super::node_of(*it) != node).collect();
                voters.push(replica);
                led.change_voters(&voters).await
            };
            let within = Duration::from_secs(3);
            let changed = tokio::time::timeout(within, change).await;
            if changed.is_ok_and(|changed| changed.is_ok()) {
                return true;
            }
        }
        false
    }

    /// Sets a node's wall clock.
    pub fn set_wall_error_ms(&self, node: usize, error_ms: i64) {
        let sim = &self.shared.sim;
        sim.trace(format_args!("wall of {node} is {error_ms} ms off"));
        self.nodes.lock()[node].time.set_wall_error_ms(error_ms);
    }
}

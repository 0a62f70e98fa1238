//! The network between the nodes: delay, loss, doubled messages, cut links.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use futures::FutureExt;
use futures::future::BoxFuture;
use homeroom_node::raft::{Answer, BaseMessage, Message, Peer, Transport, TransportError};
use homeroom_node::store::GroupId;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::cluster::process::Process;
use crate::cluster::{NODES, node_of};
use crate::sim::Sim;

/// One message of this number arrives twice.
const DOUBLED_ONE_IN: u32 = 200;
/// Time for the bytes of a base, ms.
const BASE_MS: RangeInclusive<u64> = 20..=600;

/// Time after which the transport notices that a base is not received.
const BROKEN_AFTER: Duration = Duration::from_secs(2);

/// Where messages are lost, and how long they take.
#[derive(Clone, Debug)]
pub struct Weather {
    /// Cut links, from a node to a node.
    pub cut: BTreeSet<(usize, usize)>,
    /// Share of the messages that are lost.
    pub loss: f64,
    pub delay_ms: RangeInclusive<u64>,
}

impl Default for Weather {
    fn default() -> Self {
        Self {
            cut: BTreeSet::new(),
            loss: 0.0,
            delay_ms: 0..=4,
        }
    }
}

/// The links between all nodes.
pub struct Network {
    sim: Arc<Sim>,
    rng: Mutex<Rng>,
    weather: Mutex<Weather>,
    processes: Mutex<[Option<Arc<Process>>; NODES]>,
}

enum Sent {
    Message(Message),
    Base(Box<BaseMessage>),
}

type Answered = Result<Answer, TransportError>;

impl Network {
    pub fn new(sim: Arc<Sim>) -> Self {
        Self {
            rng: Mutex::new(sim.rng()),
            sim,
            weather: Mutex::default(),
            processes: Mutex::default(),
        }
    }

    /// Changes the weather.
    pub fn set(&self, change: impl FnOnce(&mut Weather)) {
        change(&mut self.weather.lock());
    }

    pub fn weather(&self) -> Weather {
        self.weather.lock().clone()
    }

    /// The process that runs on a node.
    pub fn process(&self, node: usize) -> Option<Arc<Process>> {
        self.processes.lock()[node].clone()
    }

    /// All processes that run.
    pub fn running(&self) -> Vec<Arc<Process>> {
        self.processes.lock().iter().flatten().cloned().collect()
    }

    pub fn put(&self, node: usize, process: Option<Arc<Process>>) {
        self.processes.lock()[node] = process;
    }

    /// Whether a message takes this way now, and how long.
    fn passage(&self, from: usize, to: usize) -> Option<Duration> {
        let (weather, mut rng) = (self.weather.lock(), self.rng.lock());
        let is_lost = weather.cut.contains(&(from, to)) || rng.f64() < weather.loss;
        let delay = Duration::from_millis(rng.u64(weather.delay_ms.clone()));
        (!is_lost).then_some(delay)
    }

    /// Sends a message, perhaps twice, and its answer back. `None` when either is lost.
    async fn exchange(
        self: Arc<Self>,
        from: Arc<Process>,
        (group, replica): (GroupId, u64),
        sent: Sent,
    ) -> Option<Answered> {
        let to = node_of(replica);
        let passage = self.passage(from.node, to)?;
        tokio::time::sleep(passage).await;
        let Some(target) = self.process(to).filter(|it| it.replica == replica) else {
            tokio::time::sleep(self.passage(to, from.node)?).await;
            let why = "no process listens".to_owned();
            return Some(Err(TransportError::Unreachable(why)));
        };
        let answer = match sent {
            Sent::Message(message) => {
                let is_doubled = self.rng.lock().u32(..DOUBLED_ONE_IN) == 0;
                self.trace(&from, &target, group, &message);
                let answer = target.receive(group, message.clone());
                let answer = answer.await;
                if is_doubled {
                    target.receive(group, message).await;
                }
                answer
            }
            Sent::Base(message) => {
                let bytes_ms = self.rng.lock().u64(BASE_MS);
                tokio::time::sleep(Duration::from_millis(bytes_ms)).await;
                let position = message.base.position;
                self.sim
                    .trace(format_args!("{} {to} {group} base {position:?}", from.node));
                target.receive_base(group, *message).await
            }
        };
        let answer = answer?;
        tokio::time::sleep(self.passage(to, from.node)?).await;
        Some(Ok(answer))
    }

    fn trace(&self, from: &Process, to: &Process, group: GroupId, message: &Message) {
        let (kind, vote, detail) = match message {
            Message::Append { request: rpc, .. } => {
                let last = rpc.entries.last().map(|entry| entry.log_id.index);
                let prev = rpc.prev_log_id.map(|id| id.index);
                ("append", rpc.vote, [prev, last])
            }
            Message::Vote(rpc) => ("vote", rpc.vote, [None, None]),
            Message::PreVote(rpc) => ("pre-vote", rpc.vote, [None, None]),
            Message::TransferLeader(_) => {
                let nodes = format_args!("{} {} {group} transfer", from.node, to.node);
                return self.sim.trace(nodes);
            }
        };
        self.sim.trace(format_args!(
            "{} {} {group} {kind} {vote} {detail:?}",
            from.node, to.node
        ));
    }
}

/// A process's end of the network.
#[derive(Clone)]
pub struct Links {
    pub network: Arc<Network>,
    pub node: usize,
    /// This process's incarnation and generation.
    pub generation: u64,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links").field("node", &self.node).finish()
    }
}

impl Links {
    /// A lost message is answered never: the sender has a timeout. A message that was sent arrives
    /// though its sender waits no longer.
    fn send(&self, to: &Peer, sent: Sent) -> BoxFuture<'static, Answered> {
        let (network, target) = (Arc::clone(&self.network), (to.group, to.replica));
        let sender = network.process(self.node);
        let Some(from) = sender.filter(|from| from.generation == self.generation) else {
            let why = "the process was killed".to_owned();
            return std::future::ready(Err(TransportError::Unreachable(why))).boxed();
        };
        let (mut send, answer) = oneshot::channel();
        let is_base = matches!(sent, Sent::Base(_));
        tokio::spawn(async move {
            if let Some(answer) = network.exchange(from, target, sent).await {
                drop(send.send(answer));
            } else if is_base {
                tokio::time::sleep(BROKEN_AFTER).await;
            } else {
                send.closed().await;
            }
        });
        async move {
            let closed = |_| TransportError::Failed("the connection broke".to_owned());
            answer.await.map_err(closed)?
        }
        .boxed()
    }
}

impl Transport for Links {
    fn call(&self, to: &Peer, message: Message) -> BoxFuture<'static, Answered> {
        self.send(to, Sent::Message(message))
    }

    fn send_base(&self, to: &Peer, message: BaseMessage) -> BoxFuture<'static, Answered> {
        self.send(to, Sent::Base(Box::new(message)))
    }
}

//! The messages between the replicas of a group, and the trait that carries them.

use std::fmt;

use futures::{FutureExt, future::BoxFuture};
use openraft::{
    raft::{
        AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
        TransferLeaderResponse, VoteRequest, VoteResponse,
    },
    type_config::alias::{SnapshotMetaOf, VoteOf},
};

use crate::{
    clock::ClockReading,
    raft::types::{BaseSnapshot, TypeConfig},
    store::GroupId,
};

/// A replica on another node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    /// Its group.
    pub group: GroupId,
    /// Its incarnation.
    pub replica: u64,
    /// Address of its node.
    pub address: String,
}

/// A message from one replica to another.
#[derive(Clone, Debug)]
pub enum Message {
    /// Entries of the leader, or none: a heartbeat.
    Append {
        /// The leader's clocks.
        clock: ClockReading,
        /// The entries.
        request: AppendEntriesRequest<TypeConfig>,
    },
    /// A candidate asks for a vote.
    Vote(VoteRequest<TypeConfig>),
    /// A replica asks whether it would receive a vote.
    PreVote(VoteRequest<TypeConfig>),
    /// The leader hands over to the receiver.
    TransferLeader(TransferLeaderRequest<TypeConfig>),
}

/// A base for a replica whose entries were purged.
#[derive(Clone, Debug)]
pub struct BaseMessage {
    /// The leader's vote.
    pub vote: VoteOf<TypeConfig>,
    /// Position and membership of the base.
    pub meta: SnapshotMetaOf<TypeConfig>,
    /// The base: the sender's files when it is sent, the receiver's when it is received.
    pub base: BaseSnapshot,
}

/// The answer to a [`Message`] or a [`BaseMessage`].
#[derive(Clone, Debug)]
pub enum Answer {
    /// To [`Message::Append`].
    Append {
        /// The clocks of the replica that answers.
        clock: ClockReading,
        /// What became of the entries.
        response: AppendEntriesResponse<TypeConfig>,
    },
    /// To [`Message::Vote`] and [`Message::PreVote`].
    Vote {
        /// The clocks of the replica that answers.
        clock: ClockReading,
        /// Whether the vote is granted.
        response: VoteResponse<TypeConfig>,
    },
    /// To [`Message::TransferLeader`].
    TransferLeader(TransferLeaderResponse<TypeConfig>),
    /// To a [`BaseMessage`].
    Base(SnapshotResponse<TypeConfig>),
}

/// A message was not answered. Whether it was received is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// There is no connection; openraft waits before it tries again.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// The connection broke, or the answer did not come in time; openraft tries again at once.
    #[error("not answered: {0}")]
    Failed(String),
}

/// Carries the messages of all groups of a node.
///
/// A call ends within the timeouts of the group's configuration: openraft drops its future then.
/// Messages may be lost, doubled, delayed and delivered in another order.
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends a message and returns its answer.
    fn call(
        &self,
        to: &Peer,
        message: Message,
    ) -> BoxFuture<'static, Result<Answer, TransportError>>;

    /// Sends a base and returns the answer once it is installed or refused. Dropping the future
    /// gives up.
    fn send_base(
        &self,
        to: &Peer,
        message: BaseMessage,
    ) -> BoxFuture<'static, Result<Answer, TransportError>>;
}

/// A transport of groups with a single voter, which have no peers.
#[derive(Clone, Copy, Debug)]
pub struct NoPeers;

impl NoPeers {
    fn unreachable() -> BoxFuture<'static, Result<Answer, TransportError>> {
        let why = "this node has no peers".to_owned();
        std::future::ready(Err(TransportError::Unreachable(why))).boxed()
    }
}

impl Transport for NoPeers {
    fn call(&self, _to: &Peer, _: Message) -> BoxFuture<'static, Result<Answer, TransportError>> {
        Self::unreachable()
    }

    fn send_base(
        &self,
        _to: &Peer,
        _: BaseMessage,
    ) -> BoxFuture<'static, Result<Answer, TransportError>> {
        Self::unreachable()
    }
}

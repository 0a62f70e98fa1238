//! openraft's network over the transport.

use std::{sync::Arc, time::Duration};

use openraft::{
    AnyError, OptionalSend, RPCTypes, RaftNetworkFactory,
    errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable},
    impls::BasicNode,
    network::{RPCOption, v2::RaftNetworkV2},
    raft::{
        AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
        TransferLeaderResponse, VoteRequest, VoteResponse,
    },
    type_config::alias::{SnapshotOf, VoteOf},
};
use tokio::time::{Instant, timeout};

use super::{
    silence::{Silence, Silences},
    transport::{Answer, BaseMessage, Message, Peer, Transport, TransportError},
};
use crate::{
    clock::LogClock,
    raft::types::{BaseSnapshot, TypeConfig},
    store::GroupId,
};

/// Connects a group's replica with its peers.
pub(crate) struct Network {
    pub transport: Arc<dyn Transport>,
    pub group: GroupId,
    /// This replica.
    pub replica: u64,
    /// Its log clock: readings go with entries and heartbeats, and come with answers.
    pub clock: Arc<LogClock>,
    pub silences: Silences,
}

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = PeerNetwork;

    async fn new_client(&mut self, target: u64, node: &BasicNode) -> PeerNetwork {
        PeerNetwork {
            silence: self.silences.towards(target),
            transport: Arc::clone(&self.transport),
            clock: Arc::clone(&self.clock),
            replica: self.replica,
            peer: Peer {
                group: self.group,
                replica: target,
                address: node.addr.clone(),
            },
        }
    }
}

/// Sends to one peer.
pub(crate) struct PeerNetwork {
    transport: Arc<dyn Transport>,
    clock: Arc<LogClock>,
    replica: u64,
    peer: Peer,
    silence: Arc<Silence>,
}

type Rpc<T> = Result<T, RPCError<TypeConfig>>;

impl PeerNetwork {
    async fn call(&self, kind: RPCTypes, message: Message, within: Duration) -> Rpc<Answer> {
        match timeout(within, self.transport.call(&self.peer, message)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(TransportError::Unreachable(why))) => Err(unreachable(&why).into()),
            Ok(Err(TransportError::Failed(why))) => Err(failed(&why).into()),
            Err(_) => Err(RPCError::Timeout(Timeout {
                action: kind,
                id: self.replica,
                target: self.peer.replica,
                timeout: within,
            })),
        }
    }

    async fn ask(&self, message: Message, option: &RPCOption) -> Rpc<VoteResponse<TypeConfig>> {
        let asked = self.call(RPCTypes::Vote, message, option.hard_ttl());
        match asked.await? {
            Answer::Vote { clock, response } => {
                self.silence.answered();
                self.clock.heard_voter(self.peer.replica, clock);
                Ok(response)
            }
            _ => Err(other_kind().into()),
        }
    }
}

fn unreachable(why: &str) -> Unreachable<TypeConfig> {
    Unreachable::new(&AnyError::error(why))
}

fn silent() -> Unreachable<TypeConfig> {
    unreachable("it does not answer, and is left alone for a while")
}

fn failed(why: &str) -> NetworkError<TypeConfig> {
    NetworkError::new(&AnyError::error(why))
}

fn other_kind() -> NetworkError<TypeConfig> {
    failed("the answer is of another kind")
}

impl RaftNetworkV2<TypeConfig> for PeerNetwork {
    type SnapshotData = BaseSnapshot;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Rpc<AppendEntriesResponse<TypeConfig>> {
        if !self.silence.may_send(Instant::now()) {
            return Err(silent().into());
        }
        let message = Message::Append {
            clock: self.clock.reading(),
            request: rpc,
        };
        let sent = self.call(RPCTypes::AppendEntries, message, option.hard_ttl());
        match sent.await? {
            Answer::Append { clock, response } => {
                self.silence.answered();
                self.clock.heard_voter(self.peer.replica, clock);
                Ok(response)
            }
            _ => Err(other_kind().into()),
        }
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Rpc<VoteResponse<TypeConfig>> {
        self.ask(Message::Vote(rpc), &option).await
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Rpc<VoteResponse<TypeConfig>> {
        self.ask(Message::PreVote(rpc), &option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: VoteOf<TypeConfig>,
        snapshot: SnapshotOf<TypeConfig, BaseSnapshot>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        if !self.silence.may_send(Instant::now()) {
            return Err(StreamingError::Unreachable(silent()));
        }
        let message = BaseMessage {
            vote,
            meta: snapshot.meta,
            base: snapshot.snapshot,
        };
        let sent = self.transport.send_base(&self.peer, message);
        let answer = tokio::select! {
            biased;
            closed = cancel => return Err(StreamingError::Closed(closed)),
            answer = sent => answer,
        };
        match answer {
            Ok(Answer::Base(answer)) => {
                self.silence.answered();
                Ok(answer)
            }
            Ok(_) => Err(StreamingError::Network(other_kind())),
            Err(TransportError::Unreachable(why)) => {
                Err(StreamingError::Unreachable(unreachable(&why)))
            }
            Err(TransportError::Failed(why)) => Err(StreamingError::Network(failed(&why))),
        }
    }

    async fn transfer_leader(
        &mut self,
        rpc: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Rpc<TransferLeaderResponse<TypeConfig>> {
        let message = Message::TransferLeader(rpc);
        let sent = self.call(RPCTypes::TransferLeader, message, option.hard_ttl());
        match sent.await? {
            Answer::TransferLeader(answer) => Ok(answer),
            _ => Err(other_kind().into()),
        }
    }
}

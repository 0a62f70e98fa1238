//! openraft's state machine around what a group replicates.

use std::{
    io,
    ops::RangeInclusive,
    sync::{Arc, atomic::AtomicU64},
};

use bytes::Bytes;
use futures::{Stream, StreamExt, future::BoxFuture};
use openraft::{
    EntryPayload, OptionalSend,
    storage::{EntryResponder, RaftStateMachine},
    type_config::alias::{SnapshotMetaOf, SnapshotOf},
};
use tokio::sync::{Mutex, watch};

use super::{
    seal::Seal,
    snapshot::{BaseSnapshot, BaseSnapshotBuilder, newest_base},
    types::{Applied, LogId, Membership, Proposal, TypeConfig},
};
use crate::store::{
    Background, GroupId,
    checkpoint::{COMMIT_BYTES_MAX, Change, CheckpointStore},
};

/// What a group replicates. The group calls it for one entry at a time, in the order of the log.
pub trait Replicated: Send + 'static {
    /// Versions of state records that this build can read. It writes the last one.
    const STATE_VERSIONS: RangeInclusive<u8>;

    /// Applies the entry at an index.
    fn apply(&mut self, index: u64, payload: Bytes) -> impl Future<Output = Applied> + Send;

    /// Captures what differs from the last capture, between two entries.
    fn capture(&mut self, index: u64) -> Capture;

    /// The last capture is durable.
    fn captured(&mut self);

    /// Names what a record belongs to, for people.
    fn owner_of(key: &[u8]) -> Option<String>;

    /// Upper bound of the size of the next capture, bytes. Receivers are notified when it reaches
    /// [`UNSAVED_BYTES_DUE`] and when a capture has begun, not at every entry.
    fn unsaved_bytes(&self) -> watch::Receiver<u64>;
}

/// A checkpoint is due at this size, however recent the last one is. A larger one would block
/// readers of the store for longer.
pub const UNSAVED_BYTES_DUE: u64 = 192 << 20;
/// Beyond this size no entry is applied, live or in a replay, until a checkpoint has begun: a
/// checkpoint is one atomic batch of the store, which is bounded. The rest of that bound is for the
/// entry that exceeds this size, which may touch some 20,000 learners for the first time since they
/// were saved, and for other records of the checkpoint. Should it not suffice, the group is sealed.
const UNSAVED_BYTES_MAX: u64 = 256 << 20;
const _: () = assert!(UNSAVED_BYTES_MAX <= COMMIT_BYTES_MAX as u64 / 4);

/// The state at an entry boundary.
pub struct Capture {
    /// The group's own record.
    pub state: Vec<u8>,
    /// Changed records; may be collected while further entries are applied.
    pub changes: BoxFuture<'static, Vec<Change>>,
}

/// What is replicated, and its position.
pub(super) struct Machine<R> {
    pub applied: Option<LogId>,
    pub membership: Membership,
    /// Payload bytes applied since the last base was requested.
    pub bytes_since_base: u64,
    /// Payload bytes applied since the last capture.
    pub bytes_since_capture: u64,
    pub replicated: R,
}

/// openraft's handle; the group has another.
pub(super) struct SharedMachine<R> {
    pub machine: Arc<Mutex<Machine<R>>>,
    pub store: Arc<CheckpointStore>,
    pub cutter: Background,
    pub group: GroupId,
    /// The index that a requested base must have at least.
    pub wanted_base: Arc<AtomicU64>,
    pub unsaved_bytes: watch::Receiver<u64>,
    pub seal: Seal,
}

impl<R: Replicated> SharedMachine<R> {
    /// Waits until a checkpoint has begun, which the group makes when it is due. A sealed group
    /// makes none, and applies what was in its log before.
    async fn await_room(&mut self) {
        let has_room = |bytes: &u64| *bytes <= UNSAVED_BYTES_MAX;
        tokio::select! {
            // The sender lives as long as what is replicated.
            _ = self.unsaved_bytes.wait_for(has_room) => {}
            () = self.seal.sealed() => {}
        }
    }
}

impl<R: Replicated> RaftStateMachine<TypeConfig> for SharedMachine<R> {
    type SnapshotData = BaseSnapshot;
    type SnapshotBuilder = BaseSnapshotBuilder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, Membership), io::Error> {
        let machine = self.machine.lock().await;
        Ok((machine.applied, machine.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some(next) = entries.next().await {
            let (entry, responder) = next?;
            self.await_room().await;
            let mut machine = self.machine.lock().await;
            let applied = match entry.payload {
                EntryPayload::Blank => Applied::default(),
                EntryPayload::Membership(membership) => {
                    machine.membership = Membership::new(Some(entry.log_id), membership);
                    Applied::default()
                }
                EntryPayload::Normal(Proposal(payload)) => {
                    machine.bytes_since_base += payload.len() as u64;
                    machine.bytes_since_capture += payload.len() as u64;
                    machine.replicated.apply(entry.log_id.index, payload).await
                }
            };
            machine.applied = Some(entry.log_id);
            drop(machine);
            if let Some(responder) = responder {
                responder.send(applied);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> BaseSnapshotBuilder {
        BaseSnapshotBuilder {
            store: Arc::clone(&self.store),
            cutter: self.cutter.clone(),
            group: self.group,
            versions: R::STATE_VERSIONS,
            wanted: Arc::clone(&self.wanted_base),
        }
    }

    /// Never called in a group with a single voter, which has no peer to send a snapshot.
    async fn install_snapshot(
        &mut self,
        _meta: &SnapshotMetaOf<TypeConfig>,
        _snapshot: BaseSnapshot,
    ) -> Result<(), io::Error> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "a snapshot came to a group with a single voter",
        ))
    }

    async fn get_current_snapshot(
        &mut self,
    ) -> Result<Option<SnapshotOf<TypeConfig, BaseSnapshot>>, io::Error> {
        let (store, group) = (Arc::clone(&self.store), self.group);
        tokio::task::spawn_blocking(move || newest_base(&store, group, &R::STATE_VERSIONS))
            .await
            .map_err(io::Error::other)?
    }
}

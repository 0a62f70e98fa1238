//! openraft's state machine around what a group replicates.

use std::{io, ops::RangeInclusive, sync::Arc};

use bytes::Bytes;
use futures::{Stream, StreamExt, future::BoxFuture};
use openraft::{
    EntryPayload, OptionalSend,
    storage::{EntryResponder, RaftStateMachine},
    type_config::alias::{EntryOf, SnapshotMetaOf, SnapshotOf},
};
use tokio::sync::watch;

use super::{
    replica::Replica,
    snapshot::{BaseSnapshot, BaseSnapshotBuilder, newest_base},
    types::{Applied, LogId, Membership, Proposal, TypeConfig},
};
use crate::store::checkpoint::{COMMIT_BYTES_MAX, Change};

/// What a group replicates. The group calls it for one entry at a time, in the order of the log.
pub trait Replicated: Send + 'static {
    /// Versions of state records that this build can read. It writes the last one.
    const STATE_VERSIONS: RangeInclusive<u8>;

    /// Takes over what the store has at an index, in place of everything it had: at the start, and
    /// when a base was installed. `state` is the group's own record; `None` when nothing is stored.
    ///
    /// # Errors
    /// When the state can't be read. The replica ends.
    fn restore(
        &mut self,
        index: u64,
        state: Option<Vec<u8>>,
    ) -> impl Future<Output = io::Result<()>> + Send;

    /// Applies the entry at an index.
    ///
    /// # Errors
    /// When it can't be applied here, for a reason that other replicas may not have. The replica
    /// ends.
    fn apply(
        &mut self,
        index: u64,
        payload: Bytes,
    ) -> impl Future<Output = Result<Applied, String>> + Send;

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

/// openraft's handle of the replica; the group has another.
pub(super) struct StateMachine<R>(pub Arc<Replica<R>>);

impl<R: Replicated> Replica<R> {
    /// Waits until a checkpoint has begun, which the group makes when it is due. A sealed group
    /// makes none, and applies what was in its log before.
    async fn await_room(&self) {
        let has_room = |bytes: &u64| *bytes <= UNSAVED_BYTES_MAX;
        let mut unsaved_bytes = self.unsaved_bytes.clone();
        tokio::select! {
            biased;
            // The sender lives as long as what is replicated.
            _ = unsaved_bytes.wait_for(has_room) => {}
            () = self.seal.sealed() => {}
        }
    }

    /// Applies an entry, live or when the state is loaded.
    pub(super) async fn apply_entry(&self, entry: EntryOf<TypeConfig>) -> io::Result<Applied> {
        self.await_room().await;
        let mut machine = self.machine.lock().await;
        let mut membership = None;
        let applied = match entry.payload {
            EntryPayload::Blank => Applied::default(),
            EntryPayload::Membership(changed) => {
                membership = Some(Membership::new(Some(entry.log_id), changed));
                Applied::default()
            }
            EntryPayload::Normal(Proposal(payload)) => {
                machine.bytes_since_base += payload.len() as u64;
                machine.bytes_since_capture += payload.len() as u64;
                let applied = machine.replicated.apply(entry.log_id.index, payload).await;
                applied.map_err(|why| {
                    self.fail(&why);
                    io::Error::other(why)
                })?
            }
        };
        self.progress.send_modify(|progress| {
            progress.applied = Some(entry.log_id);
            if let Some(membership) = membership {
                progress.membership = membership;
            }
        });
        Ok(applied)
    }
}

impl<R: Replicated> RaftStateMachine<TypeConfig> for StateMachine<R> {
    type SnapshotData = BaseSnapshot;
    type SnapshotBuilder = BaseSnapshotBuilder;

    /// At once, also before the state is loaded: Raft votes and appends meanwhile.
    async fn applied_state(&mut self) -> Result<(Option<LogId>, Membership), io::Error> {
        let progress = self.0.progress.borrow();
        Ok((progress.applied, progress.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        self.0.loaded().await?;
        while let Some(next) = entries.next().await {
            let (entry, responder) = next?;
            let applied = self.0.apply_entry(entry).await?;
            if let Some(responder) = responder {
                responder.send(applied);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> BaseSnapshotBuilder {
        BaseSnapshotBuilder::of(Arc::clone(&self.0))
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMetaOf<TypeConfig>,
        base: BaseSnapshot,
    ) -> Result<(), io::Error> {
        let installed = self.0.install(meta, base).await;
        installed.inspect_err(|error| self.0.fail(&format!("a base was not installed: {error}")))
    }

    async fn get_current_snapshot(
        &mut self,
    ) -> Result<Option<SnapshotOf<TypeConfig, BaseSnapshot>>, io::Error> {
        newest_base(
            &*self.0.resources.states,
            self.0.config.id,
            &R::STATE_VERSIONS,
        )
        .await
    }
}

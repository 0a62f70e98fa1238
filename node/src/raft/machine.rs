//! openraft's state machine around what a group replicates.

use std::{io, sync::Arc};

use futures::{Stream, StreamExt};
use openraft::{
    EntryPayload, OptionalSend,
    storage::{EntryResponder, RaftStateMachine},
    type_config::alias::{EntryOf, SnapshotMetaOf, SnapshotOf},
};

use super::{
    replica::Replica,
    replicated::{Replicated, UNSAVED_BYTES_MAX},
    snapshot::{BaseSnapshotBuilder, newest_base},
    types::{Applied, BaseSnapshot, LogId, Membership, Proposal, TypeConfig},
};

/// openraft's handle of the replica; the group has another.
pub(super) struct StateMachine<R>(pub Arc<Replica<R>>);

impl<R: Replicated> Replica<R> {
    /// Waits until a checkpoint has begun, which the group makes when it is due. A sealed group
    /// makes none, and applies what was in its log before.
    ///
    /// # Errors
    /// When the replica ends: no checkpoint is made then.
    async fn await_room(&self) -> io::Result<()> {
        let has_room = |bytes: &u64| *bytes <= UNSAVED_BYTES_MAX;
        let mut unsaved_bytes = self.unsaved_bytes.clone();
        if has_room(&unsaved_bytes.borrow()) {
            return Ok(());
        }
        tokio::select! {
            biased;
            // The sender lives as long as what is replicated.
            _ = unsaved_bytes.wait_for(has_room) => Ok(()),
            () = self.seal.sealed() => Ok(()),
            why = self.ended() => Err(io::Error::other(why.as_ref())),
        }
    }

    /// Applies an entry, live or when the state is loaded.
    pub(super) async fn apply_entry(&self, entry: EntryOf<TypeConfig>) -> io::Result<Applied> {
        self.await_room().await?;
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
        self.0.install(meta, base).await
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

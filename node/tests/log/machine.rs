//! The smallest state machine that openraft's suite needs: it stores positions and memberships.

use std::io;
use std::sync::Arc;

use futures::{Stream, TryStreamExt};
use homeroom_node::raft::{Applied, TypeConfig};
use openraft::entry::{RaftEntry, RaftPayload};
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine, Snapshot};
use openraft::type_config::alias::{LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf};
use openraft::{OptionalSend, SnapshotMeta};
use parking_lot::{Mutex, MutexGuard};

type Position = (Option<LogIdOf<TypeConfig>>, StoredMembershipOf<TypeConfig>);

#[derive(Clone, Default)]
pub struct Machine(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    position: Position,
    snapshot: Option<SnapshotMetaOf<TypeConfig>>,
}

impl Machine {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}

impl RaftSnapshotBuilder<TypeConfig> for Machine {
    type SnapshotData = ();

    async fn build_snapshot(&mut self) -> Result<SnapshotOf<TypeConfig, ()>, io::Error> {
        let mut state = self.state();
        let (last_log_id, last_membership) = state.position.clone();
        let meta = SnapshotMeta {
            last_log_id,
            last_membership,
        };
        state.snapshot = Some(meta.clone());
        Ok(Snapshot { meta, snapshot: () })
    }
}

impl RaftStateMachine<TypeConfig> for Machine {
    type SnapshotData = ();
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Result<Position, io::Error> {
        Ok(self.state().position.clone())
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            {
                let mut state = self.state();
                state.position.0 = Some(entry.log_id());
                if let Some(membership) = entry.payload.get_membership() {
                    state.position.1 =
                        StoredMembershipOf::<TypeConfig>::new(Some(entry.log_id()), membership);
                }
            }
            if let Some(responder) = responder {
                responder.send(Applied::default());
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMetaOf<TypeConfig>,
        _snapshot: (),
    ) -> Result<(), io::Error> {
        let mut state = self.state();
        state.position = (meta.last_log_id, meta.last_membership.clone());
        state.snapshot = Some(meta.clone());
        Ok(())
    }

    async fn get_current_snapshot(
        &mut self,
    ) -> Result<Option<SnapshotOf<TypeConfig, ()>>, io::Error> {
        let meta = self.state().snapshot.clone();
        Ok(meta.map(|meta| Snapshot { meta, snapshot: () }))
    }
}

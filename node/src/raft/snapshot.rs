//! Snapshots are bases: immutable files of the checkpoint store with a group's whole state at one
//! position.

use std::{
    io,
    ops::RangeInclusive,
    sync::{Arc, atomic::Ordering},
};

use openraft::{
    RaftSnapshotBuilder,
    type_config::alias::{SnapshotMetaOf, SnapshotOf},
};

use super::{
    replica::Replica,
    replicated::Replicated,
    state_record::{StateRecord, to_log_id},
    state_store::{StateStore, StoredState},
    types::{BaseSnapshot, TypeConfig},
};
use crate::store::{GroupId, checkpoint::Position};

/// Gives openraft the newest base.
pub(super) struct BaseSnapshotBuilder {
    states: Arc<dyn StateStore>,
    group: GroupId,
    /// Versions of state records that can be read.
    versions: RangeInclusive<u8>,
    /// The index that a requested base must have at least.
    wanted: u64,
}

impl BaseSnapshotBuilder {
    pub fn of<R: Replicated>(replica: Arc<Replica<R>>) -> Self {
        Self {
            states: Arc::clone(&replica.resources.states),
            group: replica.config.id,
            versions: R::STATE_VERSIONS,
            wanted: replica.wanted_base.load(Ordering::Relaxed),
        }
    }
}

/// The newest readable base of a group, if it has one.
pub(super) async fn newest_base(
    states: &dyn StateStore,
    group: GroupId,
    versions: &RangeInclusive<u8>,
) -> io::Result<Option<SnapshotOf<TypeConfig, BaseSnapshot>>> {
    let Some((base, meta)) = states.newest_base(group).await? else {
        return Ok(None);
    };
    let record = StateRecord::decode(&meta, versions)?;
    Ok(Some(SnapshotOf::<TypeConfig, BaseSnapshot> {
        meta: SnapshotMetaOf::<TypeConfig> {
            last_log_id: Some(to_log_id(base.position)),
            last_membership: record.membership,
        },
        snapshot: base,
    }))
}

/// The newest base, with this index at least. If that one is damaged or missing, a new one is cut
/// of the checkpoint, since openraft can't continue without.
async fn base_from(
    states: &dyn StateStore,
    group: GroupId,
    versions: &RangeInclusive<u8>,
    wanted: u64,
) -> io::Result<SnapshotOf<TypeConfig, BaseSnapshot>> {
    let newest = newest_base(states, group, versions).await?;
    if let Some(newest) = newest.filter(|newest| newest.snapshot.position.index >= wanted) {
        return Ok(newest);
    }
    let cut = states.cut_base(group).await;
    cut.map_err(io::Error::other)?;
    let newest = newest_base(states, group, versions).await?;
    newest.ok_or_else(|| io::Error::other("a new base can't be read"))
}

impl RaftSnapshotBuilder<TypeConfig> for BaseSnapshotBuilder {
    type SnapshotData = BaseSnapshot;

    /// Usually the base exists already: openraft stops a group whose snapshot can't be built, so
    /// the group cuts the base before it triggers the snapshot.
    async fn build_snapshot(&mut self) -> Result<SnapshotOf<TypeConfig, BaseSnapshot>, io::Error> {
        base_from(&*self.states, self.group, &self.versions, self.wanted).await
    }
}

impl<R: Replicated> Replica<R> {
    async fn take_over(&self, replicated: &mut R, base: BaseSnapshot) -> io::Result<Position> {
        let installed = self.resources.states.install(self.config.id, base).await?;
        let StoredState { position, meta } = installed;
        let record = StateRecord::decode(&meta, &R::STATE_VERSIONS)?;
        let restored = replicated.restore(position.index, Some(record.state));
        restored.await?;
        Ok(position)
    }

    /// Replaces the state by a received base. openraft purges the log before it only afterwards.
    ///
    /// # Errors
    /// When the base is damaged, or its state can't be read or made durable.
    pub(super) async fn install(
        &self,
        meta: &SnapshotMetaOf<TypeConfig>,
        base: BaseSnapshot,
    ) -> io::Result<()> {
        self.loaded().await?;
        let mut checkpointed = self.checkpointed.lock().await;
        let _unchanging = self.records.lock().await;
        let mut machine = self.machine.lock().await;
        let position = self.take_over(&mut machine.replicated, base).await;
        // While all is locked: no checkpoint captures a state that was half replaced.
        let position = position
            .inspect_err(|error| self.fail(&format!("a base was not installed: {error}")))?;
        machine.bytes_since_base = 0;
        machine.bytes_since_capture = 0;
        *checkpointed = Some(to_log_id(position));
        self.progress.send_modify(|progress| {
            progress.applied = meta.last_log_id;
            progress.membership = meta.last_membership.clone();
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        raft::{Membership, state_store::StoredStates},
        store::{
            Background,
            checkpoint::{CheckpointOptions, CheckpointStore, Commit},
        },
    };

    const VERSIONS: RangeInclusive<u8> = 1..=4;

    fn commit(store: &CheckpointStore, index: u64) {
        let (term, node) = (1, 1);
        let record = StateRecord {
            membership: Membership::default(),
            state: index.to_be_bytes().to_vec(),
        };
        let commit = Commit {
            position: Position { term, node, index },
            meta: record.encode(&VERSIONS),
            changes: vec![(b"key".to_vec(), Some(vec![1]))],
        };
        store.commit(0, commit).expect("it is durable");
    }

    /// openraft ignores an older snapshot, and the group would wait for ever.
    #[tokio::test]
    async fn a_base_that_is_waited_for_is_cut_again_when_it_is_lost() {
        let dir = tempfile::tempdir().expect("a folder");
        let options = CheckpointOptions::default();
        let opened = CheckpointStore::open_recovered(dir.path(), 1, b"c", &options, Arc::new(()));
        let store = Arc::new(opened.expect("a new store").0);
        let background = Background::start("background").expect("a thread");
        let states = StoredStates {
            store: Arc::clone(&store),
            visitor: Arc::new(()),
            background: background.clone(),
            cutter: background.clone(),
            recoverers: vec![background],
            received: Arc::default(),
        };
        let index = async |wanted| {
            let base = base_from(&states, 0, &VERSIONS, wanted).await;
            base.expect("a base").snapshot.position.index
        };
        commit(&store, 1);
        assert_eq!(index(0).await, 1, "there was none");
        commit(&store, 2);
        assert_eq!(index(1).await, 1, "there is no need");
        let newest = store.cut_base(0).expect("a base");
        std::fs::write(&newest.files[0].path, b"rotten").expect("room");
        commit(&store, 3);
        assert_eq!(index(2).await, 3);
    }
}

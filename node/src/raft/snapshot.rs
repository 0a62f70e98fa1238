//! Snapshots are bases: immutable files of the checkpoint store with a group's whole state at one
//! position.

use std::{
    io,
    ops::RangeInclusive,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use openraft::{
    RaftSnapshotBuilder,
    type_config::alias::{SnapshotMetaOf, SnapshotOf},
};
use serde::{Deserialize, Serialize};

use super::{
    log_codec,
    types::{LogId, Membership, TypeConfig},
};
use crate::store::{
    Background, GroupId,
    checkpoint::{BaseInfo, CheckpointStore, Position},
    log,
};

/// A base on disk.
pub(super) type BaseSnapshot = BaseInfo;

/// Gives openraft the newest base.
pub(super) struct BaseSnapshotBuilder {
    pub store: Arc<CheckpointStore>,
    pub cutter: Background,
    pub group: GroupId,
    /// Versions of state records that can be read.
    pub versions: RangeInclusive<u8>,
    /// The index that a requested base must have at least.
    pub wanted: Arc<AtomicU64>,
}

/// The group's own record in each checkpoint.
#[derive(Serialize, Deserialize)]
pub(super) struct StateRecord {
    pub membership: Membership,
    #[serde(with = "serde_bytes")]
    pub state: Vec<u8>,
}

impl StateRecord {
    /// Encodes the record in the newest of these versions.
    pub fn encode(&self, versions: &RangeInclusive<u8>) -> Vec<u8> {
        postcard::to_extend(self, vec![*versions.end()])
            .expect("serialising into memory does not fail")
    }

    pub fn decode(bytes: &[u8], versions: &RangeInclusive<u8>) -> io::Result<Self> {
        match bytes.split_first() {
            Some((version, body)) if versions.contains(version) => {
                postcard::from_bytes(body).map_err(io::Error::other)
            }
            _ => Err(io::Error::other("a state record of an unknown version")),
        }
    }
}

pub(super) fn to_log_id(position: Position) -> LogId {
    log_codec::from_position(log::Position {
        leader: log::Leader {
            term: position.term,
            node: position.node,
        },
        index: position.index,
    })
}

pub(super) fn to_position(log_id: LogId) -> Position {
    let position = log_codec::to_position(log_id);
    Position {
        term: position.leader.term,
        node: position.leader.node,
        index: position.index,
    }
}

/// The newest readable base of a group, if it has one. Waits for the disk.
pub(super) fn newest_base(
    store: &CheckpointStore,
    group: GroupId,
    versions: &RangeInclusive<u8>,
) -> io::Result<Option<SnapshotOf<TypeConfig, BaseSnapshot>>> {
    let newest = store.newest_base(group).map_err(io::Error::other)?;
    let Some((base, meta)) = newest else {
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
fn base_from(
    store: &CheckpointStore,
    group: GroupId,
    versions: &RangeInclusive<u8>,
    wanted: u64,
) -> io::Result<SnapshotOf<TypeConfig, BaseSnapshot>> {
    let newest = newest_base(store, group, versions)?;
    if let Some(newest) = newest.filter(|newest| newest.snapshot.position.index >= wanted) {
        return Ok(newest);
    }
    store.cut_base(group).map_err(io::Error::other)?;
    newest_base(store, group, versions)?.ok_or_else(|| io::Error::other("a new base can't be read"))
}

impl RaftSnapshotBuilder<TypeConfig> for BaseSnapshotBuilder {
    type SnapshotData = BaseSnapshot;

    /// Usually the base exists already: openraft stops a group whose snapshot can't be built, so
    /// the group cuts the base before it triggers the snapshot.
    async fn build_snapshot(&mut self) -> Result<SnapshotOf<TypeConfig, BaseSnapshot>, io::Error> {
        let (store, group) = (Arc::clone(&self.store), self.group);
        let (versions, wanted) = (self.versions.clone(), self.wanted.load(Ordering::Relaxed));
        let base = self
            .cutter
            .run(move || base_from(&store, group, &versions, wanted));
        base.await.map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::checkpoint::{CheckpointOptions, Commit};

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
    #[test]
    fn a_base_that_is_waited_for_is_cut_again_when_it_is_lost() {
        let dir = tempfile::tempdir().expect("a folder");
        let options = CheckpointOptions::default();
        let opened = CheckpointStore::open(dir.path(), 1, b"c", &options, Arc::new(()));
        let (store, _) = opened.expect("a new store");
        let index = |base: io::Result<SnapshotOf<TypeConfig, BaseSnapshot>>| {
            base.expect("a base").snapshot.position.index
        };
        commit(&store, 1);
        assert_eq!(
            index(base_from(&store, 0, &VERSIONS, 0)),
            1,
            "there was none"
        );
        commit(&store, 2);
        assert_eq!(
            index(base_from(&store, 0, &VERSIONS, 1)),
            1,
            "there is no need"
        );
        let newest = store.cut_base(0).expect("a base");
        std::fs::write(&newest.files[0].path, b"rotten").expect("room");
        commit(&store, 3);
        assert_eq!(index(base_from(&store, 0, &VERSIONS, 2)), 3);
    }

    #[test]
    fn records_of_builds_before_are_read_and_of_later_ones_refused() {
        let record = StateRecord {
            membership: Membership::default(),
            state: vec![7],
        };
        let mut bytes = record.encode(&VERSIONS);
        for version in 0..=5 {
            let is_read = (1..=4).contains(&version);
            bytes[0] = version;
            let state = StateRecord::decode(&bytes, &VERSIONS).map(|record| record.state);
            assert_eq!(state.ok(), is_read.then(|| vec![7]), "version {version}");
        }
    }
}

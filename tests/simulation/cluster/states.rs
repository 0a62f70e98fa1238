//! Checkpoints and bases in memory.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use homeroom_node::raft::{BaseFailed, CheckpointError, NewestBase, StateStore, StoredState};
use homeroom_node::store::GroupId;
use homeroom_node::store::checkpoint::{
    BaseFile, BaseInfo, Commit, CommitFigures, Digest, Position,
};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::flushed::Flushed;
use crate::sim::Sim;

/// Records of a state.
pub type Records = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Clone)]
struct Content {
    position: Position,
    meta: Vec<u8>,
    records: Records,
}

impl Content {
    fn stored(&self) -> StoredState {
        StoredState {
            position: self.position,
            meta: self.meta.clone(),
        }
    }
}

/// All bases of a cluster, by their file: a base is sent by its name.
#[derive(Default)]
pub struct Shelf(Mutex<BTreeMap<PathBuf, Content>>);

impl Shelf {
    fn put(&self, content: &Content) -> BaseInfo {
        let mut shelf = self.0.lock();
        let path = PathBuf::from(format!("base-{}", shelf.len()));
        shelf.insert(path.clone(), content.clone());
        BaseInfo {
            position: content.position,
            digest: Digest::default(),
            bytes: 1,
            files: vec![BaseFile { path, bytes: 1 }],
        }
    }

    fn get(&self, base: &BaseInfo) -> io::Result<Content> {
        let path = base.files.first().map(|file| &file.path);
        let content = path.and_then(|path| self.0.lock().get(path).cloned());
        content.ok_or_else(|| io::Error::other("a base without its file"))
    }
}

#[derive(Default)]
struct OfGroup {
    newest: Option<Content>,
    /// Newest first, at most two.
    bases: Vec<BaseInfo>,
    installed: Option<Position>,
}

/// What a node's disk has besides its log. It outlives processes.
#[derive(Default)]
pub struct DiskStates(Mutex<BTreeMap<GroupId, OfGroup>>);

impl DiskStates {
    /// The records of a group's newest checkpoint.
    pub fn records(&self, group: GroupId) -> Records {
        self.of(group, |of| {
            let newest = of.newest.as_ref();
            newest.map(|newest| newest.records.clone())
        })
        .unwrap_or_default()
    }

    /// Whether a group's state is still an installed base.
    pub fn is_installed(&self, group: GroupId) -> bool {
        self.of(group, |of| {
            let position = of.newest.as_ref().map(|newest| newest.position);
            position.is_some() && position == of.installed
        })
    }

    /// The position of a group's newest checkpoint.
    pub fn position(&self, group: GroupId) -> Option<Position> {
        self.of(group, |of| of.newest.as_ref().map(|newest| newest.position))
    }

    pub fn lose(&self) {
        self.0.lock().clear();
    }

    fn of<T>(&self, group: GroupId, look: impl FnOnce(&mut OfGroup) -> T) -> T {
        look(self.0.lock().entry(group).or_default())
    }
}

/// A node's states as one process sees them.
#[derive(Clone)]
pub struct ProcessStates {
    pub sim: Arc<Sim>,
    pub disk: Arc<DiskStates>,
    pub shelf: Arc<Shelf>,
    pub flushed: Flushed,
    /// Cancelled when the process is killed: nothing is written any more.
    pub killed: CancellationToken,
}

impl std::fmt::Debug for ProcessStates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProcessStates").finish_non_exhaustive()
    }
}

impl ProcessStates {
    /// Time for the disk, then a change, unless the process is killed before.
    fn change<T: Send + 'static>(
        &self,
        group: GroupId,
        delay_ms_max: u64,
        change: impl FnOnce(&Shelf, &mut OfGroup) -> io::Result<T> + Send + 'static,
    ) -> BoxFuture<'static, io::Result<T>> {
        let states = self.clone();
        let delay = Duration::from_millis(self.sim.rng().u64(0..=delay_ms_max));
        async move {
            tokio::time::sleep(delay).await;
            if states.killed.is_cancelled() {
                return Err(io::Error::other("the process was killed"));
            }
            states.disk.of(group, |of| change(&states.shelf, of))
        }
        .boxed()
    }
}

impl StateStore for ProcessStates {
    fn stored(&self, group: GroupId) -> io::Result<Option<StoredState>> {
        let stored = self
            .disk
            .of(group, |of| of.newest.as_ref().map(Content::stored));
        Ok(stored)
    }

    /// Now and then the newest checkpoint proves damaged.
    fn recover(&self, group: GroupId) -> BoxFuture<'static, io::Result<Option<StoredState>>> {
        let is_damaged = self.sim.rng().u8(..) < 16;
        self.change(group, 300, move |shelf, of| {
            if let Some(base) = of.bases.first().filter(|_| is_damaged) {
                of.newest = Some(shelf.get(base)?);
            }
            Ok(of.newest.as_ref().map(Content::stored))
        })
    }

    fn commit(
        &self,
        group: GroupId,
        commit: Commit,
    ) -> BoxFuture<'static, Result<CommitFigures, CheckpointError>> {
        let index = commit.position.index;
        if !self.killed.is_cancelled() && !self.flushed.covers(group, index) {
            self.sim.violated(
                "a checkpoint is not ahead of its log",
                format_args!("group {group}: entry {index} is not durable"),
            );
        }
        let written = self.change(group, 12, move |_, of| {
            let mut records = of
                .newest
                .take()
                .map(|newest| newest.records)
                .unwrap_or_default();
            for (key, value) in commit.changes {
                match value {
                    Some(value) => records.insert(key, value),
                    None => records.remove(&key),
                };
            }
            of.newest = Some(Content {
                position: commit.position,
                meta: commit.meta,
                records,
            });
            Ok(CommitFigures {
                duration: Duration::ZERO,
                records: 0,
                bytes: 0,
            })
        });
        written
            .map(|written| written.map_err(|error| CheckpointError::Task(error.to_string())))
            .boxed()
    }

    fn cut_base(&self, group: GroupId) -> BoxFuture<'static, Result<BaseInfo, BaseFailed>> {
        let cut = self.change(group, 200, |shelf, of| {
            let newest = of.newest.as_ref();
            let newest = newest.ok_or_else(|| io::Error::other("there is no checkpoint"))?;
            let base = shelf.put(newest);
            of.bases.insert(0, base.clone());
            of.bases.truncate(2);
            Ok(base)
        });
        cut.map(|cut| cut.map_err(|error| BaseFailed(error.to_string())))
            .boxed()
    }

    fn newest_base(&self, group: GroupId) -> BoxFuture<'static, io::Result<Option<NewestBase>>> {
        self.change(group, 5, |shelf, of| {
            let Some(base) = of.bases.first().cloned() else {
                return Ok(None);
            };
            let meta = shelf.get(&base)?.meta;
            Ok(Some((base, meta)))
        })
    }

    fn install(
        &self,
        group: GroupId,
        base: BaseInfo,
    ) -> BoxFuture<'static, io::Result<StoredState>> {
        self.change(group, 100, move |shelf, of| {
            let content = shelf.get(&base)?;
            let stored = content.stored();
            of.installed = Some(base.position);
            (of.newest, of.bases) = (Some(content), vec![base]);
            Ok(stored)
        })
    }

    fn installed(&self, group: GroupId) -> Option<Position> {
        self.disk.of(group, |of| of.installed)
    }

    fn base_positions(&self, group: GroupId) -> Vec<Position> {
        self.disk.of(group, |of| {
            of.bases.iter().map(|base| base.position).collect()
        })
    }

    fn older_base(&self, group: GroupId) -> Option<Position> {
        self.disk
            .of(group, |of| of.bases.get(1).map(|base| base.position))
    }

    fn has_lost_base(&self, _group: GroupId) -> bool {
        false
    }

    fn mark_base_lost(&self, _group: GroupId) {}
}

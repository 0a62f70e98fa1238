//! Where the states of groups are durable.

use std::{collections::BTreeMap, fmt, io, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use parking_lot::Mutex;

use super::error::{BaseFailed, CheckpointError};
use crate::store::{
    Background, GroupId,
    checkpoint::{
        BaseInfo, CheckpointStore, Commit, CommitFigures, CutError, IncomingBase, Position,
        Recovered, RecoveryVisitor,
    },
};

/// A group's durable state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredState {
    /// Its place in the group's log.
    pub position: Position,
    /// The group's own record.
    pub meta: Vec<u8>,
}

/// A base, and the group's own record in it.
pub type NewestBase = (BaseInfo, Vec<u8>);

/// Durable states of the groups of a node: checkpoints, and bases of them.
///
/// A checkpoint may be lost, a base is what replaces it. The calls of one group come one at a time,
/// except those that only ask.
pub trait StateStore: fmt::Debug + Send + Sync + 'static {
    /// What a group's newest checkpoint is said to contain, at once and unverified; `None` when
    /// there is none.
    ///
    /// # Errors
    /// When the group's own record can't be read.
    fn stored(&self, group: GroupId) -> io::Result<Option<StoredState>>;

    /// Verifies a group's state, or takes it from its newest base. That may be older than what was
    /// said before.
    ///
    /// # Errors
    /// When neither can be read.
    fn recover(&self, group: GroupId) -> BoxFuture<'static, io::Result<Option<StoredState>>>;

    /// Makes a checkpoint durable.
    ///
    /// # Errors
    /// When it is refused, or not known to be durable.
    fn commit(
        &self,
        group: GroupId,
        commit: Commit,
    ) -> BoxFuture<'static, Result<CommitFigures, CheckpointError>>;

    /// Cuts a base of the newest checkpoint.
    ///
    /// # Errors
    /// When it is not durable.
    fn cut_base(&self, group: GroupId) -> BoxFuture<'static, Result<BaseInfo, BaseFailed>>;

    /// The newest base that can be read, with the group's own record in it.
    ///
    /// # Errors
    /// When the disk fails.
    fn newest_base(&self, group: GroupId) -> BoxFuture<'static, io::Result<Option<NewestBase>>>;

    /// Replaces a group's state and its bases by a received base. A crash leaves the old or the new
    /// state.
    ///
    /// # Errors
    /// When the base is damaged (the old state stays), or the new state is not durable.
    fn install(
        &self,
        group: GroupId,
        base: BaseInfo,
    ) -> BoxFuture<'static, io::Result<StoredState>>;

    /// Position of the last base that was installed into the group: the group's log may end before
    /// it, when the process ended before the log was purged.
    fn installed(&self, group: GroupId) -> Option<Position>;

    /// Positions of the bases, newest first.
    fn base_positions(&self, group: GroupId) -> Vec<Position>;

    /// Position of the older of the two newest bases; the log before it may be purged.
    fn older_base(&self, group: GroupId) -> Option<Position>;

    /// Whether a base proved damaged, and fewer than two were cut since.
    fn has_lost_base(&self, group: GroupId) -> bool;

    /// Notes that a base can't be used.
    fn mark_base_lost(&self, group: GroupId);
}

/// The node's checkpoint store, and the threads that wait for its disk.
#[derive(Clone)]
pub struct StoredStates {
    /// The checkpoints of all groups.
    pub store: Arc<CheckpointStore>,
    /// Receives the records that a recovery reads.
    pub visitor: Arc<dyn RecoveryVisitor>,
    /// Runs writes of checkpoints.
    pub background: Background,
    /// Runs cuts of bases. Only a checkpoint of the same group waits for one.
    pub cutter: Background,
    /// Run recoveries, and installs of received bases. At least one.
    pub recoverers: Vec<Background>,
    /// Received bases that wait to be installed, the newest of each group with its position.
    pub received: Arc<Mutex<BTreeMap<GroupId, (Position, IncomingBase)>>>,
}

impl StoredStates {
    /// Keeps a received base of a position until openraft installs it. It replaces one of the same
    /// group.
    pub fn keep(&self, group: GroupId, position: Position, base: IncomingBase) {
        self.received.lock().insert(group, (position, base));
    }

    /// Runs work of a group that reads all its records.
    fn recoverer(&self, group: GroupId) -> Background {
        self.recoverers[usize::from(group) % self.recoverers.len()].clone()
    }

    /// Reads and verifies all records of a group. Waits for the disk.
    fn recover_now(&self, group: GroupId) -> io::Result<Option<StoredState>> {
        let recovered = self.store.recover(group, &self.visitor);
        let recovered = recovered.map_err(io::Error::other)?;
        if let Recovered::Rebuilt { from, why } = &recovered.state {
            let index = from.index;
            tracing::warn!(group, index, "rebuilt from its base: {why}");
        }
        self.stored(group)
    }
}

impl fmt::Debug for StoredStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredStates").finish_non_exhaustive()
    }
}

impl StateStore for StoredStates {
    fn stored(&self, group: GroupId) -> io::Result<Option<StoredState>> {
        let meta = self.store.known_meta(group).map_err(io::Error::other)?;
        Ok(meta.map(|meta| StoredState {
            position: meta.position,
            meta: meta.bytes,
        }))
    }

    fn recover(&self, group: GroupId) -> BoxFuture<'static, io::Result<Option<StoredState>>> {
        let (states, recoverer) = (self.clone(), self.recoverer(group));
        async move {
            let recovered = recoverer.run(move || states.recover_now(group)).await;
            recovered.map_err(io::Error::other)?
        }
        .boxed()
    }

    fn commit(
        &self,
        group: GroupId,
        commit: Commit,
    ) -> BoxFuture<'static, Result<CommitFigures, CheckpointError>> {
        let Self {
            store, background, ..
        } = self.clone();
        async move {
            let written = background.run(move || store.commit(group, commit)).await;
            Ok(written.map_err(|error| CheckpointError::Task(error.to_string()))??)
        }
        .boxed()
    }

    fn cut_base(&self, group: GroupId) -> BoxFuture<'static, Result<BaseInfo, BaseFailed>> {
        let (states, cutter) = (self.clone(), self.cutter.clone());
        let cut = move || {
            let cut = states.store.cut_base(group);
            if !matches!(cut, Err(CutError::NotRecovered(_))) {
                return cut.map_err(|error| BaseFailed(error.to_string()));
            }
            // openraft does not start on a purged log without a base, and all bases are damaged.
            let recovered = states.recover_now(group);
            recovered.map_err(|error| BaseFailed(error.to_string()))?;
            let cut = states.store.cut_base(group);
            cut.map_err(|error| BaseFailed(error.to_string()))
        };
        async move {
            let cut = cutter.run(cut).await;
            cut.map_err(|error| BaseFailed(error.to_string()))?
        }
        .boxed()
    }

    fn newest_base(&self, group: GroupId) -> BoxFuture<'static, io::Result<Option<NewestBase>>> {
        let Self { store, cutter, .. } = self.clone();
        async move {
            let newest = cutter.run(move || store.newest_base(group)).await;
            let newest: Result<_, CutError> = newest.map_err(io::Error::other)?;
            newest.map_err(io::Error::other)
        }
        .boxed()
    }

    fn install(
        &self,
        group: GroupId,
        base: BaseInfo,
    ) -> BoxFuture<'static, io::Result<StoredState>> {
        let (states, recoverer) = (self.clone(), self.recoverer(group));
        let install = move || {
            let received = states.received.lock().remove(&group);
            let received = received.filter(|(position, _)| *position == base.position);
            let (_, received) = received.ok_or_else(|| io::Error::other("its files are gone"))?;
            let installed = states.store.install(group, received, &|_step| {});
            installed.map_err(io::Error::other)?;
            let stored = states.recover_now(group)?;
            stored.ok_or_else(|| io::Error::other("nothing of it is stored"))
        };
        async move { recoverer.run(install).await.map_err(io::Error::other)? }.boxed()
    }

    fn installed(&self, group: GroupId) -> Option<Position> {
        self.store.installed(group)
    }

    fn base_positions(&self, group: GroupId) -> Vec<Position> {
        let bases = self.store.bases(group).unwrap_or_default();
        bases.iter().map(|base| base.position).collect()
    }

    fn older_base(&self, group: GroupId) -> Option<Position> {
        self.store.older_base_position(group).ok().flatten()
    }

    fn has_lost_base(&self, group: GroupId) -> bool {
        self.store.has_lost_base(group)
    }

    fn mark_base_lost(&self, group: GroupId) {
        self.store.mark_base_lost(group);
    }
}

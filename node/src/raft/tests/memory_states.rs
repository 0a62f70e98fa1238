//! A state store in memory.

use std::{io, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{
    raft::{BaseFailed, CheckpointError, NewestBase, StateStore, StoredState},
    store::{
        GroupId,
        checkpoint::{BaseInfo, Commit, CommitFigures, Digest, Position},
    },
};

/// Stores the states of one group. Clones share them.
#[derive(Clone, Debug)]
pub struct MemoryStates {
    states: Arc<Mutex<States>>,
    /// Recovery waits until this is set.
    pub may_recover: Arc<watch::Sender<bool>>,
}

#[derive(Debug, Default)]
struct States {
    checkpoint: Option<StoredState>,
    /// What recovery finds in place of the checkpoint.
    recovered: Option<StoredState>,
    bases: Vec<StoredState>,
}

impl Default for MemoryStates {
    fn default() -> Self {
        Self {
            states: Arc::default(),
            may_recover: Arc::new(watch::Sender::new(true)),
        }
    }
}

impl MemoryStates {
    /// From now on the checkpoint proves damaged, and recovery takes this state.
    pub fn recover_to(&self, state: StoredState) {
        self.states.lock().recovered = Some(state);
    }

    pub fn checkpoint(&self) -> Option<StoredState> {
        self.states.lock().checkpoint.clone()
    }
}

fn info(state: &StoredState) -> BaseInfo {
    BaseInfo {
        position: state.position,
        digest: Digest::default(),
        bytes: state.meta.len() as u64,
        files: Vec::new(),
    }
}

impl StateStore for MemoryStates {
    fn stored(&self, _group: GroupId) -> io::Result<Option<StoredState>> {
        Ok(self.checkpoint())
    }

    fn recover(&self, _group: GroupId) -> BoxFuture<'static, io::Result<Option<StoredState>>> {
        let states = self.clone();
        async move {
            let mut may_recover = states.may_recover.subscribe();
            let _ = may_recover.wait_for(|may| *may).await;
            let states = states.states.lock();
            Ok(states.recovered.clone().or(states.checkpoint.clone()))
        }
        .boxed()
    }

    fn commit(
        &self,
        _group: GroupId,
        commit: Commit,
    ) -> BoxFuture<'static, Result<CommitFigures, CheckpointError>> {
        self.states.lock().checkpoint = Some(StoredState {
            position: commit.position,
            meta: commit.meta,
        });
        let figures = CommitFigures {
            duration: std::time::Duration::ZERO,
            records: 0,
            bytes: 0,
        };
        std::future::ready(Ok(figures)).boxed()
    }

    fn cut_base(&self, _group: GroupId) -> BoxFuture<'static, Result<BaseInfo, BaseFailed>> {
        let mut states = self.states.lock();
        let cut = match states.checkpoint.clone() {
            Some(state) => {
                states.bases.insert(0, state.clone());
                states.bases.truncate(2);
                Ok(info(&state))
            }
            None => Err(BaseFailed("there is no checkpoint".to_owned())),
        };
        std::future::ready(cut).boxed()
    }

    fn newest_base(&self, _group: GroupId) -> BoxFuture<'static, io::Result<Option<NewestBase>>> {
        let states = self.states.lock();
        let newest = states.bases.first();
        let newest = newest.map(|state| (info(state), state.meta.clone()));
        std::future::ready(Ok(newest)).boxed()
    }

    fn install(
        &self,
        _group: GroupId,
        _base: BaseInfo,
    ) -> BoxFuture<'static, io::Result<StoredState>> {
        std::future::ready(Err(io::Error::other("no base is received here"))).boxed()
    }

    fn installed(&self, _group: GroupId) -> Option<Position> {
        None
    }

    fn base_positions(&self, _group: GroupId) -> Vec<Position> {
        let states = self.states.lock();
        states.bases.iter().map(|state| state.position).collect()
    }

    fn older_base(&self, _group: GroupId) -> Option<Position> {
        let states = self.states.lock();
        states.bases.get(1).map(|state| state.position)
    }

    fn has_lost_base(&self, _group: GroupId) -> bool {
        false
    }

    fn mark_base_lost(&self, _group: GroupId) {}
}

//! Both phases of an open, one after the other.

use std::path::Path;
use std::sync::Arc;

use super::open_error::OpenError;
use super::options::CheckpointOptions;
use super::parallel;
use super::recover::OnDamage;
use super::recover_error::RecoverError;
use super::recovery::{GroupRecovery, RecoveryVisitor};
use crate::store::checkpoint::store::CheckpointStore;

impl CheckpointStore {
    /// Opens the store as [`Self::open`] does, and recovers all groups.
    ///
    /// Since no group is in use yet, any damage in sled moves all of sled to `quarantine/` and
    /// rebuilds all groups from their newest valid bases. The visitor is called from up to
    /// [`CheckpointOptions::recovery_threads`] threads.
    pub fn open_recovered(
        dir: &Path,
        groups: u16,
        cluster_id: &[u8],
        options: &CheckpointOptions,
        visitor: Arc<dyn RecoveryVisitor>,
    ) -> Result<(CheckpointStore, Vec<GroupRecovery>), OpenError> {
        let threads = options.bounded().recovery_threads;
        let recover_all = |store: &CheckpointStore| {
            let recover = |group| store.recover_or(group, &visitor, OnDamage::GiveUp);
            parallel::for_each(threads, 0..groups, recover)
        };
        let (store, _) = CheckpointStore::open(dir, groups, cluster_id, options)?;
        match recover_all(&store) {
            Ok(recoveries) => return Ok((store, recoveries)),
            Err(RecoverError::Damaged(damaged)) => store
                .mark_suspect(&damaged.to_string())
                .map_err(OpenError::io("marking the checkpoints suspect"))?,
            Err(error) => return Err(error.into()),
        }
        drop(store);
        let (store, _) = CheckpointStore::open(dir, groups, cluster_id, options)?;
        let recoveries = recover_all(&store)?;
        Ok((store, recoveries))
    }
}

impl From<RecoverError> for OpenError {
    fn from(error: RecoverError) -> Self {
        match error {
            RecoverError::Environment(what) => OpenError::Environment(what),
            RecoverError::Io { what, source } => OpenError::Io { what, source },
            RecoverError::Stuck { after } => OpenError::Stuck { after },
            error => OpenError::Rebuild(error.to_string()),
        }
    }
}

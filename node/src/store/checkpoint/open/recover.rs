//! Recovers one group of an open store.

use std::sync::Arc;

use super::opener::NEVER;
use super::rebuild::{rebuild, rebuild_failed};
use super::recover_error::RecoverError;
use super::recovery::{GroupRecovery, Recovered, RecoveryVisitor};
use super::verify::verify;
use super::watchdog::{Progress, Stalled, run_watched};
use crate::store::checkpoint::found::FoundGroup;
use crate::store::checkpoint::store::{CheckpointStore, Unrecovered};
use crate::store::checkpoint::stored_group::{Stage, StoredGroup};
use crate::store::checkpoint::tree::group_tree::{GroupTree, Summary};
use crate::store::checkpoint::tree::sled_guard::SledFault;
use crate::store::checkpoint::tree::tree_records::ScanFault;
use crate::store::group_id::GroupId;

/// What a recovery does about a damaged tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnDamage {
    /// Rebuilds it from a base, beside the trees of other groups, which may be in use.
    RebuildTree,
    /// Answers [`RecoverError::Damaged`]: the caller rebuilds all of sled.
    GiveUp,
}

impl CheckpointStore {
    /// Reads and verifies every record of the group and passes each to `visitor`, then takes the
    /// group into use. A damaged tree is rebuilt from the group's newest valid base; so is a lost
    /// one. The result says so, and the state may then be behind the position that the open found
    /// ([`GroupRecovery::to_apply_again`]).
    ///
    /// Groups may be recovered in any order and at the same time. The work runs on a thread that
    /// inherits the caller's priority (on Linux), while the caller waits. Called again, for
    /// instance after an install, it reads the group's tree again; commits to the group wait
    /// meanwhile.
    pub fn recover(
        &self,
        group: GroupId,
        visitor: &Arc<dyn RecoveryVisitor>,
    ) -> Result<GroupRecovery, RecoverError> {
        self.recover_or(group, visitor, OnDamage::RebuildTree)
    }

    pub(super) fn recover_or(
        &self,
        group: GroupId,
        visitor: &Arc<dyn RecoveryVisitor>,
        on_damage: OnDamage,
    ) -> Result<GroupRecovery, RecoverError> {
        let stored = self
            .group(group)
            .ok_or(RecoverError::NoSuchGroup(group))?
            .clone();
        let _only = stored.replacing.lock();
        self.health.check(group)?;
        let found = *stored.position.read();
        let stage = stored.current.lock().clone();
        let state = match stage {
            Stage::Recovered(_) => self.read_again(&stored, visitor)?,
            Stage::Found(FoundGroup {
                lost: Some(why), ..
            }) => self.rebuild_tree(&stored, why, visitor)?,
            Stage::Found(_) => self.verify_found(&stored, visitor, on_damage)?,
        };
        Ok(GroupRecovery {
            group,
            found,
            state,
        })
    }

    fn read_again(
        &self,
        stored: &StoredGroup,
        visitor: &Arc<dyn RecoveryVisitor>,
    ) -> Result<Recovered, RecoverError> {
        let _unchanging = stored.current.lock();
        let tree = stored.tree.current();
        let group = tree.group;
        let summary = self.verify_watched(tree, visitor)?;
        let summary = summary.map_err(|fault| self.read_failed(group, fault))?;
        self.end_if_all_recovered(&mut self.unrecovered.lock())?;
        Ok(as_found(summary))
    }

    fn verify_found(
        &self,
        stored: &Arc<StoredGroup>,
        visitor: &Arc<dyn RecoveryVisitor>,
        on_damage: OnDamage,
    ) -> Result<Recovered, RecoverError> {
        let tree = stored.tree.current();
        let group = tree.group;
        let fault = match self.verify_watched(tree, visitor)? {
            Ok(summary) => {
                stored.recovered(summary);
                self.one_recovered()?;
                return Ok(as_found(summary));
            }
            Err(ScanFault::Sled(fault)) if fault.is_environment() => {
                return Err(RecoverError::Environment(fault.into_damage().to_string()));
            }
            Err(fault) => fault,
        };
        let is_panic = matches!(fault, ScanFault::Sled(SledFault::Panic(_)));
        let is_sled = matches!(fault, ScanFault::Sled(_));
        let damaged = fault.into_damage().of(group);
        if on_damage == OnDamage::GiveUp {
            return Err(damaged.into());
        }
        if is_panic {
            self.health.condemn(&damaged.to_string());
            return Err(damaged.into());
        }
        if is_sled {
            // Its pages can't be read: it stays beside the new tree until the next start.
            self.note_suspect(&damaged.to_string());
            stored.tree.keep_unreadable();
        }
        self.rebuild_tree(stored, damaged.to_string(), visitor)
    }

    /// Rebuilds a group in an empty tree, beside its old one if it has one.
    fn rebuild_tree(
        &self,
        stored: &Arc<StoredGroup>,
        why: String,
        visitor: &Arc<dyn RecoveryVisitor>,
    ) -> Result<Recovered, RecoverError> {
        let tree = stored.tree.empty().map_err(rebuild_failed)?;
        let group = tree.group;
        let (into, of, part_bytes) = (tree.clone(), stored.clone(), self.import_part_bytes);
        let state = self.watched(move |progress| {
            let bases = &of.bases;
            rebuild((&into, bases), why, part_bytes, progress)
        })??;
        let position = state.position();
        let sync_failed = |error| self.sync_failed(group, error);
        // From now on the heads file promises no more than this state.
        let synced = self.syncer.make_durable(group, position);
        synced.map_err(sync_failed)?;
        let summary = self.verify_watched(tree.clone(), visitor)?;
        let summary =
            summary.map_err(|fault| RecoverError::Rebuild(fault.into_damage().to_string()))?;
        if summary.map(|summary| summary.position) != position {
            let lost = "sled lost an imported shard".to_owned();
            return Err(RecoverError::Rebuild(lost));
        }
        if tree.generation != stored.tree.current().generation {
            stored.tree.point_to(&tree).map_err(rebuild_failed)?;
            self.syncer.flush().map_err(sync_failed)?;
            stored.tree.replace(tree);
        }
        stored.recovered(summary);
        self.one_recovered()?;
        Ok(state)
    }

    /// The open ends with the recovery of the last group.
    fn one_recovered(&self) -> Result<(), RecoverError> {
        let mut unrecovered = self.unrecovered.lock();
        unrecovered.groups -= 1;
        self.end_if_all_recovered(&mut unrecovered)
    }

    /// Ends the open once all groups are recovered. An error leaves that to the next recovery.
    fn end_if_all_recovered(&self, unrecovered: &mut Unrecovered) -> Result<(), RecoverError> {
        if unrecovered.groups > 0 || unrecovered.is_ended {
            return Ok(());
        }
        let sled_dir = self.health.sled_dir();
        let (what, ended) = match unrecovered.is_rebuild {
            true => ("ending the rebuild", sled_dir.rebuild_ended()),
            false => ("marking the open", sled_dir.open_ended()),
        };
        ended.map_err(|source| RecoverError::Io { what, source })?;
        unrecovered.is_ended = true;
        Ok(())
    }

    fn verify_watched(
        &self,
        tree: Arc<GroupTree>,
        visitor: &Arc<dyn RecoveryVisitor>,
    ) -> Result<Result<Option<Summary>, ScanFault>, RecoverError> {
        let visitor = visitor.clone();
        self.watched(move |progress| verify(&tree, &*visitor, progress))
    }

    /// Runs work of the recovery on a thread of its own, which is given up when it is stuck.
    fn watched<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Progress) -> T + Send + 'static,
    ) -> Result<T, RecoverError> {
        let progress = Arc::new(Progress::default());
        let (of_work, lock) = (progress.clone(), self.lock.clone());
        let outcome = run_watched(self.stall_limit, &progress, move || {
            let outcome = work(&of_work);
            // A thread that is left behind keeps the directory locked while it may still write.
            drop(lock);
            outcome
        });
        outcome.map_err(|Stalled| {
            let after = self.stall_limit;
            self.note_suspect(&format!("a recovery made no progress for {after:?}"));
            RecoverError::Stuck { after }
        })
    }
}

fn as_found(summary: Option<Summary>) -> Recovered {
    match summary {
        Some(Summary { position, .. }) => Recovered::Checkpoint { position },
        None => Recovered::Empty {
            why: NEVER.to_owned(),
        },
    }
}

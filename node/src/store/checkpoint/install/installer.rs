//! Receives and installs bases.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::import::{ImportError, import};
use super::install_error::InstallError;
use super::install_step::InstallStep;
use super::installed_mark;
use crate::store::checkpoint::bases::changed_keys::ChangedKeys;
use crate::store::checkpoint::bases::incoming::{mark_tree, received};
use crate::store::checkpoint::bases::{BaseError, BaseInfo, IncomingBase};
use crate::store::checkpoint::store::{CheckpointStore, check_ahead};
use crate::store::checkpoint::stored_group::{Stage, StoredGroup};
use crate::store::checkpoint::tree::commit::CommitError;
use crate::store::checkpoint::tree::group_tree::{GroupTree, Summary};
use crate::store::group_id::GroupId;

impl CheckpointStore {
    /// Begins to receive a base of at most `bytes_max` bytes for the group. Bases that were
    /// received before and not installed are removed; their receivers fail from then on.
    ///
    /// # Errors
    /// While a base is being installed into the group or the group is being recovered, and when the
    /// disk fails.
    pub fn receive(&self, group: GroupId, bytes_max: u64) -> Result<IncomingBase, InstallError> {
        let stored = self.group(group).ok_or(CommitError::NoSuchGroup(group))?;
        let _installs_none = stored
            .replacing
            .try_lock()
            .ok_or(InstallError::Busy(group))?;
        let attempt = stored.attempts.fetch_add(1, Ordering::Relaxed);
        let begin = || {
            for left in received(&self.incoming, group)? {
                fs::remove_dir_all(left)?;
            }
            IncomingBase::create(&self.incoming, (group, attempt), bytes_max)
        };
        begin().map_err(InstallError::Received)
    }

    /// Receives a copy of a base whose files this process can read.
    ///
    /// # Errors
    /// As [`Self::receive`], and when a file can't be read.
    pub fn receive_copy(
        &self,
        group: GroupId,
        base: &BaseInfo,
    ) -> Result<IncomingBase, InstallError> {
        let mut incoming = self.receive(group, base.bytes)?;
        incoming.copy(base).map_err(InstallError::Received)?;
        Ok(incoming)
    }

    /// Replaces the group's state by a received base: the whole state in one file, or with files of
    /// changes behind it, as every base (ADR 29). It must be ahead of the group's last commit.
    ///
    /// `step` is called at the end of each step, partly with the group locked: it must not use the
    /// store. Commits to the group wait only for the switch itself; reads and scans that have begun
    /// go on in the old tree.
    ///
    /// The caller purges the group's log up to the base only after this has returned: until then a
    /// kill may leave the old state, which needs the log.
    pub fn install(
        &self,
        group: GroupId,
        mut incoming: IncomingBase,
        step: &dyn Fn(InstallStep),
    ) -> Result<BaseInfo, InstallError> {
        let stored = self.group(group).ok_or(CommitError::NoSuchGroup(group))?;
        let _only = stored
            .replacing
            .try_lock()
            .ok_or(InstallError::Busy(group))?;
        self.health.check(group).map_err(CommitError::from)?;
        recovered(stored, group)?;
        let base = self.verify(stored, (group, &mut incoming))?;
        let tree = stored.tree.create();
        let tree = tree.map_err(|fault| self.apply_failed(group, fault))?;
        if let Err(error) = mark_tree(&incoming.dir, tree.generation) {
            return Err(self.undo(stored, tree, received_failed(error)));
        }
        step(InstallStep::Verified);
        let built = self.build(stored, (&base, &tree), step);
        let summary = match built {
            Ok(summary) => summary,
            Err(error) => return Err(self.undo(stored, tree, error)),
        };
        step(InstallStep::Synced);
        let base = self.switch(stored, (tree, summary), incoming, step)?;
        self.discard_unused(stored, group);
        step(InstallStep::OldRemoved);
        Ok(base)
    }

    /// Verifies the received files to their end.
    fn verify(
        &self,
        stored: &StoredGroup,
        (group, incoming): (GroupId, &mut IncomingBase),
    ) -> Result<BaseInfo, InstallError> {
        if incoming.group != group {
            return Err(received_failed(BaseError::ForeignGroup(incoming.group)));
        }
        let files = incoming.finish().map_err(received_failed)?;
        let base = stored.bases.verify_received(files);
        let base = base.map_err(received_failed)?;
        check_ahead(recovered(stored, group)?, base.position)?;
        Ok(base)
    }

    /// Fills the new tree, and makes it durable.
    fn build(
        &self,
        stored: &StoredGroup,
        (base, tree): (&BaseInfo, &GroupTree),
        step: &dyn Fn(InstallStep),
    ) -> Result<Summary, InstallError> {
        let group = tree.group;
        let flush = || {
            let flushed = self.syncer.flush();
            flushed.map_err(|e| InstallError::from(self.sync_failed(group, e)))
        };
        let mut reader = stored
            .bases
            .open_files(&base.files)
            .map_err(received_failed)?;
        let summary = import(tree, &mut reader, self.import_part_bytes, || {
            flush()?;
            step(InstallStep::Built);
            Ok(())
        });
        let summary = summary.map_err(|error| match error {
            ImportError::Base(error) => received_failed(error),
            ImportError::Sled(fault) => self.apply_failed(group, fault).into(),
            ImportError::Pause(error) => error,
        })?;
        flush()?;
        Ok(summary)
    }

    /// Makes a durable tree the group's, and the base it was built of the group's only base.
    fn switch(
        &self,
        stored: &StoredGroup,
        (tree, summary): (GroupTree, Summary),
        incoming: IncomingBase,
        step: &dyn Fn(InstallStep),
    ) -> Result<BaseInfo, InstallError> {
        let (group, position) = (tree.group, summary.position);
        let mut current = stored.current.lock();
        // There may have been commits while the tree was built.
        if let Err(error) = check_ahead(current.recovered().flatten(), position) {
            drop(current);
            return Err(self.undo(stored, tree, error.into()));
        }
        let noted = installed_mark::note(&self.installed, group, position);
        if let Err(error) = noted {
            drop(current);
            return Err(self.undo(stored, tree, received_failed(error)));
        }
        let pointed = stored.tree.point_to(&tree);
        // From here on the next open needs the received files.
        let received = incoming.keep();
        pointed.map_err(|fault| self.apply_failed(group, fault))?;
        let synced = self.syncer.make_durable(group, Some(position));
        synced.map_err(|e| self.sync_failed(group, e))?;
        step(InstallStep::Switched);
        stored.tree.replace(Arc::new(tree));
        *current = Stage::Recovered(Some(summary));
        *stored.changed.lock() = ChangedKeys::since_base(position, self.groups.len());
        *stored.position.write() = Some(position);
        let base = stored.bases.replace_by(&received).map_err(|error| {
            let error = InstallError::Replace(error);
            self.health.retire(&error.to_string());
            error
        })?;
        step(InstallStep::BaseReplaced);
        Ok(base)
    }

    /// Removes a new tree after an error that left the group as it was. Returns the error.
    fn undo(&self, stored: &StoredGroup, tree: GroupTree, error: InstallError) -> InstallError {
        if !error.is_refusal() {
            return error;
        }
        let group = tree.group;
        drop(tree);
        self.discard_unused(stored, group);
        error
    }
}

/// The group's state.
///
/// # Errors
/// Before the recovery of the group.
fn recovered(stored: &StoredGroup, group: GroupId) -> Result<Option<Summary>, CommitError> {
    let summary = stored.current.lock().recovered();
    summary.ok_or(CommitError::NotRecovered(group))
}

fn received_failed(error: impl Into<BaseError>) -> InstallError {
    InstallError::Received(error.into())
}

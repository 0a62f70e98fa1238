//! Fills a new sled directory from bases.

use super::open_error::OpenError;
use super::opener::{Opened, Opener, Unusable};
use super::parallel;
use super::recovery::{GroupRecovery, Recovered};
use crate::store::checkpoint::bases::{BaseDir, BaseError, BaseInfo};
use crate::store::checkpoint::install::{ImportError, import};
use crate::store::checkpoint::position::Position;
use crate::store::checkpoint::tree::group_tree::{GroupTree, Summary};
use crate::store::checkpoint::tree::sled_guard::{SledFault, guarded};
use crate::store::checkpoint::tree::tree_slot::TreeSlot;
use crate::store::group_id::GroupId;

impl Opener {
    /// Fills a new sled directory from the newest valid bases.
    ///
    /// A kill at any point leaves the directory marked as unfinished, and the next open discards
    /// it.
    pub(crate) fn rebuild(&self, why: &str) -> Result<(Opened, Vec<GroupRecovery>), OpenError> {
        self.check_not_given_up()?;
        self.sled_dir
            .rebuild_begins(why)
            .map_err(OpenError::io("making a new sled directory"))?;
        let db = self.open_sled().map_err(|unusable| match unusable {
            Unusable::Error(e) => e,
            Unusable::Damage(what) => OpenError::Rebuild(what),
        })?;
        let threads = self.options.recovery_threads;
        let imported =
            parallel::for_each(threads, self.groups(), |group| self.import(&db, group, why))?;
        guarded(|| db.flush()).map_err(rebuild_failed)?;
        let positions: Vec<_> = imported.iter().map(|r| (r.group, r.position())).collect();
        let trees = self.reread(&db, &positions)?;
        let opened = self.finish(db, trees)?;
        // The positions in the file are lost. If they stayed, every later start would rebuild
        // again.
        self.positions
            .write(&positions)
            .map_err(OpenError::io("writing the heads file"))?;
        self.sled_dir
            .rebuild_ended()
            .map_err(OpenError::io("ending the rebuild"))?;
        Ok((opened, imported))
    }

    /// Verifies the imported trees as sled stores them now, and passes their records to the
    /// visitor.
    fn reread(
        &self,
        db: &sled::Db,
        imported: &[(u16, Option<Position>)],
    ) -> Result<Vec<(TreeSlot, Option<Summary>)>, OpenError> {
        parallel::for_each(
            self.options.recovery_threads,
            imported.iter(),
            |(group, position)| {
                let slot = TreeSlot::open(db, *group, 0, self.groups().len());
                let slot = slot.map_err(rebuild_failed)?;
                let tree = slot.current();
                self.visitor.begin(*group);
                let meta = tree.verify(|key, payload| {
                    self.progress.tick();
                    self.visitor.record(*group, key, payload);
                });
                let meta =
                    meta.map_err(|fault| OpenError::Rebuild(fault.into_damage().to_string()))?;
                self.visitor.end(*group);
                let summary = meta.map(|meta| Summary {
                    position: meta.position,
                    digest: meta.digest,
                });
                if summary.map(|summary| summary.position) != *position {
                    return Err(OpenError::Rebuild("sled lost an imported shard".to_owned()));
                }
                Ok((slot, summary))
            },
        )
    }

    /// Fills a group's tree from its newest valid base. Invalid bases before it are set aside.
    fn import(&self, db: &sled::Db, group: GroupId, why: &str) -> Result<GroupRecovery, OpenError> {
        let tree = GroupTree::open(db, group, 0, self.groups().len()).map_err(rebuild_failed)?;
        let bases = &self.bases[usize::from(group)];
        let mut why = why.to_owned();
        for base in bases.list() {
            // Verified to the end before any of its records goes into the tree.
            match self.read_through(bases, &base) {
                Ok(()) => {
                    self.import_base(&tree, bases, &base)?;
                    let from = base.position;
                    tracing::error!(group, %from, why, "a shard was rebuilt from a base");
                    let state = Recovered::Rebuilt { from, why };
                    return Ok(GroupRecovery { group, state });
                }
                Err(e) if e.is_environment() => return Err(OpenError::Rebuild(e.to_string())),
                Err(e) => {
                    why.push_str(&format!("; the base at {} is invalid: {e}", base.position));
                    bases
                        .reject(&base, &e)
                        .map_err(OpenError::io("putting a base aside"))?;
                }
            }
        }
        if self.known[usize::from(group)].is_some() {
            tracing::error!(
                group,
                why,
                "a shard's checkpoint is lost, and there is no base"
            );
        }
        let state = Recovered::Empty { why };
        Ok(GroupRecovery { group, state })
    }

    /// `Ok` if and only if the base is valid.
    fn read_through(&self, bases: &BaseDir, base: &BaseInfo) -> Result<(), BaseError> {
        let mut reader = bases.read(base)?;
        while reader.next()?.is_some() {
            self.progress.tick();
        }
        Ok(())
    }

    fn import_base(
        &self,
        tree: &GroupTree,
        bases: &BaseDir,
        base: &BaseInfo,
    ) -> Result<(), OpenError> {
        let base_failed = |e: BaseError| OpenError::Rebuild(e.to_string());
        let mut reader = bases.read(base).map_err(base_failed)?;
        let imported = import(tree, &mut reader, self.options.import_part_bytes, || {
            self.progress.tick();
            Ok::<_, OpenError>(())
        });
        imported.map(drop).map_err(|error| match error {
            ImportError::Base(error) => base_failed(error),
            ImportError::Sled(fault) => rebuild_failed(fault),
            ImportError::Pause(error) => error,
        })
    }
}

fn rebuild_failed(fault: SledFault) -> OpenError {
    let environment = fault.is_environment();
    let what = fault.into_damage().to_string();
    if environment {
        return OpenError::Environment(what);
    }
    OpenError::Rebuild(what)
}

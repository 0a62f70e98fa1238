//! Opens a sled directory and finds each group's state, or begins a new directory.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::open_error::OpenError;
use super::options::CheckpointOptions;
use super::watchdog::Progress;
use crate::store::checkpoint::bases::BaseDir;
use crate::store::checkpoint::bases::incoming::{received, tree_built_of};
use crate::store::checkpoint::damage::Damage;
use crate::store::checkpoint::found::FoundGroup;
use crate::store::checkpoint::position::Position;
use crate::store::checkpoint::tree::heads::Positions;
use crate::store::checkpoint::tree::meta::GroupMeta;
use crate::store::checkpoint::tree::pointer::{self, Generation};
use crate::store::checkpoint::tree::sled_dir::{Condition, SledDir};
use crate::store::checkpoint::tree::sled_guard::{SledFault, guarded};
use crate::store::checkpoint::tree::syncer::SledFiles;
use crate::store::checkpoint::tree::tree_records::{ScanFault, TreeRecords};
use crate::store::checkpoint::tree::tree_slot::TreeSlot;
use crate::store::group_id::GroupId;

/// How long to wait for the lock of a sled that was just closed in this process. sled's threads
/// release the file a little after its last handle is dropped.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// Part of sled's file format: an existing directory opens only with this size.
const SEGMENT_BYTES: usize = 2 * 1024 * 1024;

pub(super) const NEVER: &str = "no checkpoint was ever made";

/// Everything that an open needs and passes on to the store.
pub(crate) struct Opener {
    pub(crate) sled_dir: SledDir,
    pub(crate) bases: Vec<BaseDir>,
    /// Folder of the bases that were being received.
    pub(crate) incoming: PathBuf,
    pub(crate) positions: Positions,
    /// Position of each group in the heads file.
    pub(crate) known: Vec<Option<Position>>,
    pub(crate) options: CheckpointOptions,
    pub(crate) progress: Arc<Progress>,
}

/// An open sled, with what was found of each group.
pub(crate) struct Opened {
    pub(crate) db: sled::Db,
    pub(crate) files: SledFiles,
    pub(crate) groups: Vec<(TreeSlot, FoundGroup)>,
    /// Whether the directory is new.
    pub(crate) is_rebuild: bool,
}

/// Why the existing directory can't be used.
pub(crate) enum Unusable {
    Damage(String),
    Error(OpenError),
}

impl From<OpenError> for Unusable {
    fn from(e: OpenError) -> Unusable {
        Unusable::Error(e)
    }
}

impl Opener {
    pub(crate) fn open(&self) -> Result<Opened, OpenError> {
        let condition = self.sled_dir.condition();
        let why = match condition.map_err(OpenError::io("looking for checkpoints"))? {
            Condition::Usable => match self.open_existing() {
                Ok(opened) => return Ok(opened),
                Err(Unusable::Error(e)) => return Err(e),
                Err(Unusable::Damage(why)) => self.quarantine(why)?,
            },
            Condition::Condemned(why) => self.quarantine(why)?,
            Condition::Unfinished(why) => why,
            Condition::Absent if self.is_new() => NEVER.to_owned(),
            Condition::Absent => "the sled directory is missing".to_owned(),
        };
        self.open_new(&why)
    }

    /// The open ends with the recovery of the last group.
    fn open_existing(&self) -> Result<Opened, Unusable> {
        self.sled_dir
            .open_begins()
            .map_err(OpenError::io("marking the open"))?;
        let db = self.open_sled()?;
        let find = |group| {
            let found = self.find(&db, group);
            found.map_err(|unusable| (unusable, group))
        };
        match self.groups().map(find).collect() {
            Ok(groups) => Ok(self.finish(db, groups, false)?),
            Err((unusable, group)) => {
                // Closed before its directory is moved. sled flushes here, so a panic must be
                // caught.
                let _ = guarded(|| {
                    drop(db);
                    Ok(())
                });
                Err(match unusable {
                    NotFound::Fault(fault) => self.unusable(group, fault),
                    NotFound::Error(error) => Unusable::Error(error),
                })
            }
        }
    }

    /// A new directory, whose groups are rebuilt from bases when they are recovered.
    ///
    /// A kill before the last of them leaves it marked as unfinished, and the next open discards
    /// it.
    fn open_new(&self, why: &str) -> Result<Opened, OpenError> {
        self.check_not_given_up()?;
        self.sled_dir
            .rebuild_begins(why)
            .map_err(OpenError::io("making a new sled directory"))?;
        let db = self.open_sled().map_err(|unusable| match unusable {
            Unusable::Error(e) => e,
            Unusable::Damage(what) => OpenError::Rebuild(what),
        })?;
        let groups = self.groups().map(|group| {
            let slot = TreeSlot::open(&db, group, 0, self.groups().len());
            let slot = slot.map_err(|fault| match self.unusable(group, fault.into()) {
                Unusable::Error(e) => e,
                Unusable::Damage(what) => OpenError::Rebuild(what),
            })?;
            Ok((slot, self.find_base(group, why)?))
        });
        let groups = groups.collect::<Result<_, OpenError>>()?;
        self.finish(db, groups, true)
    }

    /// Makes sled's files and their names durable, before anything relies on them.
    fn finish(
        &self,
        db: sled::Db,
        groups: Vec<(TreeSlot, FoundGroup)>,
        is_rebuild: bool,
    ) -> Result<Opened, OpenError> {
        let files = SledFiles::open(&self.sled_dir.path()).and_then(|mut files| {
            files.sync_all()?;
            Ok(files)
        });
        Ok(Opened {
            db,
            files: files.map_err(OpenError::io("making sled's files durable"))?,
            groups,
            is_rebuild,
        })
    }

    pub(crate) fn open_sled(&self) -> Result<sled::Db, Unusable> {
        let config = sled::Config::new()
            .path(self.sled_dir.path())
            .mode(sled::Mode::HighThroughput)
            .cache_capacity(self.options.cache_bytes)
            .segment_size(SEGMENT_BYTES)
            .use_compression(false)
            // Only commits flush.
            .flush_every_ms(None);
        let begun = Instant::now();
        loop {
            match guarded(|| config.open()) {
                Ok(db) => return Ok(db),
                Err(fault) if fault.is_lock() && begun.elapsed() < LOCK_PATIENCE => {
                    thread::sleep(Duration::from_millis(10));
                }
                Err(fault) => return Err(self.open_failed(fault)),
            }
        }
    }

    fn open_failed(&self, fault: SledFault) -> Unusable {
        if fault.is_lock() {
            let path = self.sled_dir.path();
            return Unusable::Error(OpenError::Locked { path });
        }
        if fault.is_environment() {
            let what = fault.into_damage().to_string();
            return Unusable::Error(OpenError::Environment(what));
        }
        Unusable::Damage(fault.into_damage().to_string())
    }

    fn unusable(&self, group: GroupId, fault: ScanFault) -> Unusable {
        match fault {
            ScanFault::Sled(fault) if fault.is_environment() => {
                Unusable::Error(OpenError::Environment(fault.into_damage().to_string()))
            }
            fault => Unusable::Damage(fault.into_damage().of(group).to_string()),
        }
    }

    /// Opens a group's current tree and reads its meta record.
    fn find(&self, db: &sled::Db, group: GroupId) -> Result<(TreeSlot, FoundGroup), NotFound> {
        let generation = pointer::read(db, group)?;
        self.finish_install(group, generation)?;
        let slot = TreeSlot::open(db, group, generation, self.groups().len());
        let slot = slot.map_err(ScanFault::Sled)?;
        let tree = slot.current();
        let meta = tree.meta()?;
        if meta.is_none() && TreeRecords::from(group, tree.tree(), b"").next().is_some() {
            return Err(ScanFault::Damage(Damage::MetaMissing).into());
        }
        let lost = None;
        let found = FoundGroup { group, meta, lost };
        self.check_not_rolled_back(group, found.position())?;
        Ok((slot, found))
    }

    /// The newest base of a group whose tree is lost.
    fn find_base(&self, group: GroupId, why: &str) -> Result<FoundGroup, OpenError> {
        let newest = self.bases[usize::from(group)].newest();
        let meta = newest.map_err(OpenError::Bases)?.map(|(base, bytes)| {
            let (position, digest) = (base.position, base.digest);
            GroupMeta {
                position,
                digest,
                bytes,
            }
        });
        if meta.is_none() && self.known[usize::from(group)].is_some() {
            tracing::error!(
                group,
                why,
                "a shard's checkpoint is lost, and there is no base"
            );
        }
        let lost = Some(why.to_owned());
        Ok(FoundGroup { group, meta, lost })
    }

    /// The kill came between the switch to a new tree and that to its base.
    fn finish_install(&self, group: GroupId, generation: Generation) -> Result<(), OpenError> {
        let listing = OpenError::io("looking for received bases");
        for dir in received(&self.incoming, group).map_err(listing)? {
            let built = tree_built_of(&dir).map_err(OpenError::io("reading a received base"))?;
            if built == Some(generation) {
                let base = self.bases[usize::from(group)].replace_by(&dir);
                base.map_err(OpenError::Bases)?;
            }
        }
        Ok(())
    }

    /// A tree that verifies may still be an old one.
    fn check_not_rolled_back(
        &self,
        group: GroupId,
        found: Option<Position>,
    ) -> Result<(), ScanFault> {
        let newest_base = self.bases[usize::from(group)]
            .list()
            .first()
            .map(|base| base.position);
        for known in [self.known[usize::from(group)], newest_base]
            .into_iter()
            .flatten()
        {
            if !found.is_some_and(|found| found.covers(&known)) {
                return Err(ScanFault::Damage(Damage::RolledBack { found, known }));
            }
        }
        Ok(())
    }

    fn quarantine(&self, why: String) -> Result<String, OpenError> {
        self.check_not_given_up()?;
        let place = self
            .sled_dir
            .quarantine()
            .map_err(OpenError::io("quarantining sled"))?;
        tracing::error!(%why, place = %place.display(), "checkpoints were damaged and put aside");
        Ok(why)
    }

    /// Whether nothing on disk indicates an earlier checkpoint.
    fn is_new(&self) -> bool {
        self.known.iter().all(Option::is_none) && self.bases.iter().all(|b| b.list().is_empty())
    }

    /// Once the watchdog has given up, nothing may change any more: the caller relies on its error.
    pub(crate) fn check_not_given_up(&self) -> Result<(), OpenError> {
        if !self.progress.is_given_up() {
            return Ok(());
        }
        let after = self.options.stall_limit;
        Err(OpenError::Stuck { after })
    }

    pub(crate) fn groups(&self) -> std::ops::Range<u16> {
        0..self.known.len() as u16
    }
}

/// Why a group's tree was not found.
enum NotFound {
    Fault(ScanFault),
    Error(OpenError),
}

impl From<ScanFault> for NotFound {
    fn from(fault: ScanFault) -> Self {
        NotFound::Fault(fault)
    }
}

impl From<OpenError> for NotFound {
    fn from(error: OpenError) -> Self {
        NotFound::Error(error)
    }
}

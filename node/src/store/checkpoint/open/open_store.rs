//! Opening a checkpoint store.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::identity::Identity;
use super::open_error::OpenError;
use super::opener::{Opened, Opener};
use super::options::CheckpointOptions;
use super::watchdog::{Stalled, run_watched};
use crate::store::checkpoint::bases::replace::finish_replacement;
use crate::store::checkpoint::bases::{BaseDir, BaseError, CLUSTER_ID_BYTES_MAX};
use crate::store::checkpoint::found::FoundGroup;
use crate::store::checkpoint::store::{CheckpointStore, Unrecovered};
use crate::store::checkpoint::stored_group::StoredGroup;
use crate::store::checkpoint::tree::heads::Positions;
use crate::store::checkpoint::tree::health::Health;
use crate::store::checkpoint::tree::sled_dir::SledDir;
use crate::store::checkpoint::tree::syncer::Syncer;
use crate::store::files;

/// Most groups a store can have.
pub const GROUPS_MAX: u16 = 4096;

impl CheckpointStore {
    /// Opens the store in `dir` for the groups 0 to `groups` - 1, and creates it if it is missing.
    ///
    /// Answers what it finds of each group, at once: no group's records are read. Each group is to
    /// be recovered ([`Self::recover`]) before it is used. Damage that shows already moves all of
    /// sled to `quarantine/`; the recoveries then rebuild from the groups' newest valid bases.
    /// `cluster_id` has at most [`CLUSTER_ID_BYTES_MAX`] bytes.
    pub fn open(
        dir: &Path,
        groups: u16,
        cluster_id: &[u8],
        options: &CheckpointOptions,
    ) -> Result<(CheckpointStore, Vec<FoundGroup>), OpenError> {
        if groups == 0 || groups > GROUPS_MAX {
            return Err(OpenError::OutOfBounds("the number of shards"));
        }
        if cluster_id.len() > CLUSTER_ID_BYTES_MAX {
            return Err(OpenError::OutOfBounds("the cluster id's length"));
        }
        fs::create_dir_all(dir).map_err(OpenError::io("creating the store's directory"))?;
        let lock = lock(dir)?;
        check_identity(dir, groups, cluster_id)?;
        let options = options.bounded();
        let opener = opener(dir, groups, cluster_id, &options)?;
        let cluster_id = cluster_id.to_vec();
        let progress = opener.progress.clone();
        let sled_dir = opener.sled_dir.clone();
        // The lock moves with the work: a thread that is left behind keeps the directory locked
        // while it may still write.
        let work = move || {
            let opened = opener.open()?;
            // No install is to be finished any more.
            files::if_exists(fs::remove_dir_all(&opener.incoming))
                .map_err(OpenError::io("removing received bases"))?;
            CheckpointStore::assemble(cluster_id, opener, opened, lock)
        };
        run_watched(options.stall_limit, &progress, work).unwrap_or_else(|Stalled| {
            let after = options.stall_limit;
            let why = format!("opening it made no progress for {after:?}");
            if let Err(error) = sled_dir.mark_suspect(&why) {
                tracing::error!(%error, "stuck checkpoints could not be marked suspect");
            }
            Err(OpenError::Stuck { after })
        })
    }

    fn assemble(
        cluster_id: Vec<u8>,
        opener: Opener,
        opened: Opened,
        lock: File,
    ) -> Result<(CheckpointStore, Vec<FoundGroup>), OpenError> {
        let health = Arc::new(Health::new(opener.sled_dir));
        let options = opener.options;
        let count = opened.groups.len();
        let syncer = Syncer::start(
            opened.db,
            opened.files,
            opener.positions,
            health.clone(),
            count,
            options.stall_limit,
        );
        let (mut groups, mut found) = (Vec::new(), Vec::new());
        for ((tree, group), bases) in opened.groups.into_iter().zip(opener.bases) {
            let stored = StoredGroup::new((tree, bases), group.clone(), count);
            groups.push(Arc::new(stored));
            found.push(group);
        }
        let store = CheckpointStore {
            cluster_id,
            installed: opener.incoming.with_file_name("installed"),
            incoming: opener.incoming,
            groups,
            unrecovered: Mutex::new(Unrecovered {
                groups: count,
                is_rebuild: opened.is_rebuild,
                is_ended: false,
            }),
            syncer: syncer.map_err(OpenError::io("starting the sync thread"))?,
            health,
            commit_bytes_max: options.commit_bytes_max,
            import_part_bytes: options.import_part_bytes,
            stall_limit: options.stall_limit,
            lock: Arc::new(lock),
        };
        Ok((store, found))
    }
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("lock");
    let file = File::create(&path).map_err(OpenError::io("creating the lock file"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path }),
        Err(TryLockError::Error(e)) => Err(OpenError::io("locking the store")(e)),
    }
}

fn check_identity(dir: &Path, groups: u16, cluster_id: &[u8]) -> Result<(), OpenError> {
    let path = dir.join("identity");
    let given = Identity {
        groups,
        cluster_id: cluster_id.to_vec(),
    };
    match Identity::read(&path).map_err(OpenError::io("reading the store's identity"))? {
        Some(stored) if stored.cluster_id != given.cluster_id => Err(OpenError::ForeignCluster),
        Some(Identity { groups: stored, .. }) if stored != groups => {
            Err(OpenError::OtherGroupCount {
                stored,
                given: groups,
            })
        }
        Some(_) => Ok(()),
        None => given
            .write(&path)
            .map_err(OpenError::io("writing the store's identity")),
    }
}

fn opener(
    dir: &Path,
    groups: u16,
    cluster_id: &[u8],
    options: &CheckpointOptions,
) -> Result<Opener, OpenError> {
    let positions = Positions::open(&dir.join("heads"), groups);
    let (positions, known) = positions.map_err(OpenError::io("reading the heads file"))?;
    let (bases_dir, incoming) = (dir.join("bases"), dir.join("incoming"));
    let open_bases = |group| {
        finish_replacement(&bases_dir, &incoming, group)?;
        BaseDir::open(&bases_dir, group, cluster_id)
    };
    let bases = fs::create_dir_all(&bases_dir)
        .map_err(BaseError::from)
        .and_then(|()| (0..groups).map(open_bases).collect());
    Ok(Opener {
        sled_dir: SledDir::new(dir),
        bases: bases.map_err(OpenError::Bases)?,
        incoming,
        positions,
        known,
        options: options.clone(),
        progress: Arc::default(),
    })
}

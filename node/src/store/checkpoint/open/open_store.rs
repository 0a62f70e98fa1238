//! Opening a checkpoint store.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use parking_lot::{Mutex, RwLock};

use super::identity::Identity;
use super::open_error::OpenError;
use super::opener::{Opened, Opener};
use super::options::CheckpointOptions;
use super::recovery::{GroupRecovery, RecoveryVisitor};
use super::watchdog::{Stalled, run_watched};
use crate::store::checkpoint::bases::changed_keys::ChangedKeys;
use crate::store::checkpoint::bases::replace::finish_replacement;
use crate::store::checkpoint::bases::{BaseDir, BaseError, CLUSTER_ID_BYTES_MAX};
use crate::store::checkpoint::store::{CheckpointStore, StoredGroup};
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
    /// Reads and verifies every record of every group, and passes each to `visitor`. Any damage in
    /// sled moves all of sled to `quarantine/` and rebuilds it from the groups' newest valid bases;
    /// the result says so for each group. `cluster_id` has at most [`CLUSTER_ID_BYTES_MAX`] bytes.
    pub fn open(
        dir: &Path,
        groups: u16,
        cluster_id: &[u8],
        options: &CheckpointOptions,
        visitor: Arc<dyn RecoveryVisitor>,
    ) -> Result<(CheckpointStore, Vec<GroupRecovery>), OpenError> {
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
        let opener = opener(dir, groups, cluster_id, &options, visitor)?;
        let cluster_id = cluster_id.to_vec();
        let progress = opener.progress.clone();
        let sled_dir = opener.sled_dir.clone();
        // The lock moves with the work: a thread that is left behind keeps the directory locked
        // while it may still write.
        let work = move || {
            let (opened, recoveries) = opener.open()?;
            // No install is to be finished any more.
            files::if_exists(fs::remove_dir_all(&opener.incoming))
                .map_err(OpenError::io("removing received bases"))?;
            let store = CheckpointStore::assemble(cluster_id, opener, opened, lock)?;
            Ok((store, recoveries))
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
    ) -> Result<CheckpointStore, OpenError> {
        let health = Arc::new(Health::new(opener.sled_dir));
        let count = opened.trees.len();
        let groups: Vec<StoredGroup> = opened
            .trees
            .into_iter()
            .zip(opener.bases)
            .map(|((tree, summary), bases)| StoredGroup {
                tree,
                current: Mutex::new(summary),
                position: RwLock::new(summary.map(|summary| summary.position)),
                bases,
                changed: Mutex::new(ChangedKeys::of_one_in(count)),
                installing: Mutex::default(),
                attempts: AtomicU64::new(0),
            })
            .collect();
        let options = &opener.options;
        let (commit_bytes_max, import_part_bytes) =
            (options.commit_bytes_max, options.import_part_bytes);
        let syncer = Syncer::start(
            opened.db,
            opened.files,
            opener.positions,
            health.clone(),
            groups.len(),
            opener.options.stall_limit,
        );
        Ok(CheckpointStore {
            cluster_id,
            incoming: opener.incoming,
            groups,
            syncer: syncer.map_err(OpenError::io("starting the sync thread"))?,
            health,
            commit_bytes_max,
            import_part_bytes,
            _lock: lock,
        })
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
    visitor: Arc<dyn RecoveryVisitor>,
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
        visitor,
        progress: Arc::default(),
    })
}

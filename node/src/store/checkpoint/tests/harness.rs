//! Opens stores, fills them from models, and compares them with models.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::model::{Content, Model};
use crate::store::checkpoint::tree::sled_guard::SledFault;
use crate::store::checkpoint::{
    BaseError, BaseInfo, CheckpointOptions, CheckpointStore, FoundGroup, GroupRecovery, OpenError,
    Recovered, RecoveryVisitor, Throttle, panic_is_caught_here,
};
use crate::store::group_id::GroupId;

pub(super) const CLUSTER: &[u8] = b"cluster-of-tests";

/// A directory in memory if the system has one. No test here cuts the power, so a disk would add
/// only the time of its fsyncs.
pub(super) fn scratch_dir() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

pub(super) fn options() -> CheckpointOptions {
    CheckpointOptions {
        cache_bytes: 8 * 1024 * 1024,
        recovery_threads: 2,
        // Also small states are imported in several parts.
        import_part_bytes: 64 * 1024,
        stall_limit: Duration::from_secs(20),
        ..CheckpointOptions::default()
    }
}

/// Opens a store and collects what the visitor receives.
pub(super) fn try_open(
    dir: &Path,
    groups: u16,
) -> Result<(CheckpointStore, Vec<GroupRecovery>, Vec<Content>), OpenError> {
    quiet_caught_panics();
    let seen = Arc::new(Seen::default());
    let (store, recoveries) =
        CheckpointStore::open_recovered(dir, groups, CLUSTER, &options(), seen.clone())?;
    let seen = std::mem::take(&mut *seen.0.lock().unwrap());
    Ok((store, recoveries, seen.into_values().collect()))
}

/// Opens a store, which must succeed. The visitor must receive exactly what a scan returns.
pub(super) fn open(dir: &Path, groups: u16) -> (CheckpointStore, Vec<GroupRecovery>) {
    // A process that another test starts holds our locks until its `exec`.
    let until = Instant::now() + Duration::from_secs(10);
    let (store, recoveries, seen) = loop {
        match try_open(dir, groups) {
            Err(OpenError::Locked { .. }) if Instant::now() < until => std::thread::yield_now(),
            opened => break opened.expect("the store opens"),
        }
    };
    assert_eq!(recoveries.len(), usize::from(groups));
    for (group, seen) in (0..groups).zip(seen) {
        assert!(
            content(&store, group) == seen,
            "the visitor saw something else in {group}"
        );
        let position = recoveries[usize::from(group)].position();
        assert_eq!(store.position(group).unwrap(), position);
    }
    (store, recoveries)
}

/// The sled of a store that is closed.
pub(super) fn sled_in(dir: &Path) -> sled::Db {
    let config = sled::Config::new().path(dir.join("sled"));
    let config = config.segment_size(2 * 1024 * 1024);
    // A process that another test starts holds our locks until its `exec`.
    loop {
        match config.open() {
            Err(error) if SledFault::Error(error.clone()).is_lock() => std::thread::yield_now(),
            opened => break opened.expect("sled opens"),
        }
    }
}

/// The first phase only.
pub(super) fn find(dir: &Path, groups: u16) -> (CheckpointStore, Vec<FoundGroup>) {
    quiet_caught_panics();
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        match CheckpointStore::open(dir, groups, CLUSTER, &options()) {
            // A process that another test starts holds our locks until its `exec`.
            Err(OpenError::Locked { .. }) if Instant::now() < until => std::thread::yield_now(),
            opened => break opened.expect("the store opens"),
        }
    }
}

pub(super) fn models(
    seed: u64,
    groups: u16,
    changes: usize,
    payload_bytes_max: usize,
) -> Vec<Model> {
    let model = |group| Model {
        seed,
        group,
        changes,
        later_changes: changes,
        payload_bytes_max,
    };
    (0..groups).map(model).collect()
}

/// Reads all bases of a group without a limit of the rate.
pub(super) fn scrub(store: &CheckpointStore, group: GroupId) -> Vec<(BaseInfo, BaseError)> {
    let throttle = Throttle::new(u64::MAX, CancellationToken::new());
    store.scrub_bases(group, &throttle).expect("a look")
}

pub(super) fn commit(store: &CheckpointStore, model: &Model, number: u64) {
    store
        .commit(model.group, model.commit(number))
        .expect("the commit is durable");
}

pub(super) fn content(store: &CheckpointStore, group: GroupId) -> Content {
    let records = store.scan(group, b"").unwrap();
    records
        .map(|record| record.unwrap())
        .map(|record| (record.key().to_vec(), record.payload().to_vec()))
        .collect()
}

/// The group has exactly the model's content after commit `number`, through every method.
pub(super) fn assert_at(store: &CheckpointStore, model: &Model, number: u64) {
    let group = model.group;
    let expected = model.content(number);
    assert!(
        content(store, group) == expected,
        "shard {group} is not as of commit {number}"
    );
    for (key, payload) in expected.iter().take(20) {
        assert_eq!(
            &*store.get(group, key).unwrap().unwrap(),
            payload.as_slice()
        );
    }
    assert!(store.get(group, b"unknown").unwrap().is_none());
    let meta = store.meta(group).unwrap();
    assert_eq!(Model::number(store.position(group).unwrap()), number);
    match meta {
        None => assert_eq!(number, 0),
        Some(meta) => {
            assert_eq!(meta.position, Model::position(number));
            assert_eq!(meta.bytes, model.meta(number));
            assert_eq!(meta.digest.records, expected.len() as u64);
        }
    }
}

pub(super) fn is_checkpoint(recovery: &GroupRecovery) -> bool {
    matches!(recovery.state, Recovered::Checkpoint { .. })
}

/// Overwrites one byte of a file with another value.
pub(super) fn flip_byte(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    let at = at % bytes.len();
    bytes[at] ^= 0x55;
    fs::write(path, bytes).unwrap();
}

pub(super) fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Hides the panics that the store catches from the tests' output.
fn quiet_caught_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !panic_is_caught_here() {
                others(info);
            }
        }));
    });
}

/// What a visitor receives, by group.
#[derive(Default)]
pub(super) struct Seen(pub(super) Mutex<std::collections::BTreeMap<u16, Content>>);

impl RecoveryVisitor for Seen {
    fn begin(&self, group: GroupId) {
        self.0.lock().unwrap().insert(group, Content::new());
    }

    fn record(&self, group: GroupId, key: &[u8], payload: &[u8]) {
        let mut seen = self.0.lock().unwrap();
        let content = seen.get_mut(&group).expect("begin comes first");
        assert!(content.insert(key.to_vec(), payload.to_vec()).is_none());
    }
}

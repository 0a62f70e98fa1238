//! Flipped bytes in sled's files: the state is that of the newest checkpoint or of a base, or
//! empty, and the result of the open says which.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tempfile::TempDir;

use super::harness::{assert_at, commit, copy_dir, find, models, open, scratch_dir};
use super::model::Model;
use super::seeds::for_seeds;
use crate::store::checkpoint::{
    CheckpointStore, GroupRecovery, RecoverError, Recovered, RecoveryVisitor,
};

const SHARDS: u16 = 3;
/// This group has no base.
const BARE: u16 = 2;
const NEWEST: u64 = 7;
const NEWEST_BASE: u64 = 4;

struct Template {
    dir: TempDir,
    models: Vec<Model>,
}

/// A store with overwrites, removals and all kinds of sled's files, made once and copied.
fn template() -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let dir = scratch_dir();
        let models = models(31, SHARDS, 60, 3_000);
        // Opened several times, so that sled's snapshot is from the middle of its log. Records
        // before it are then read for the first time when they are used.
        for numbers in [
            1..=NEWEST_BASE,
            NEWEST_BASE + 1..=NEWEST - 1,
            NEWEST..=NEWEST,
        ] {
            let (store, _) = open(dir.path(), SHARDS);
            for number in numbers {
                for model in &models {
                    commit(&store, model, number);
                    if number % 2 == 0 && number <= NEWEST_BASE && model.group != BARE {
                        store.cut_base(model.group).unwrap();
                    }
                }
            }
        }
        Template { dir, models }
    })
}

#[test]
fn flipped_bytes_are_noticed() {
    for_seeds("flips", "HOMEROOM_CHECKPOINT_FLIPS", 60, damage_and_open);
}

/// What sled itself can't read stays suspect, and the next open rebuilds all of it.
#[test]
fn flipped_bytes_are_noticed_group_by_group() {
    for_seeds("flips", "HOMEROOM_CHECKPOINT_FLIPS", 30, damage_and_recover);
}

/// A copy of the template with damage to sled's files.
fn damaged(seed: u64) -> TempDir {
    let dir = scratch_dir();
    copy_dir(template().dir.path(), dir.path());
    let mut random = fastrand::Rng::with_seed(seed);
    let files = sled_files(&dir.path().join("sled"));
    let log = largest(&files);
    match seed % 6 {
        0 | 1 => flip(log, 100, &mut random),
        2 => flip(log, random.usize(1..4), &mut random),
        3 => files
            .iter()
            .for_each(|file| flip(file, 100 / files.len(), &mut random)),
        4 => overwrite_block(log, &mut random),
        _ => cut_tail(&files[random.usize(..files.len())], &mut random),
    }
    dir
}

fn damage_and_open(seed: u64) {
    let dir = damaged(seed);
    let (store, recoveries) = open(dir.path(), SHARDS);
    eprintln!("flips: seed {seed}: {:?}", recoveries[0].state);
    let numbers = assert_recovered(&store, &recoveries);
    drop(store);
    let (store, recoveries) = open(dir.path(), SHARDS);
    for (model, number) in template().models.iter().zip(numbers) {
        let recovery = &recoveries[usize::from(model.group)];
        assert!(!matches!(recovery.state, Recovered::Rebuilt { .. }));
        assert_at(&store, model, number);
    }
}

fn damage_and_recover(seed: u64) {
    let dir = damaged(seed);
    let (mut store, _) = find(dir.path(), SHARDS);
    let mut all = recover_all(&store);
    if matches!(all, Err(RecoverError::Damaged(_))) {
        // sled panicked: the process ends, and the next start rebuilds all of it.
        drop(store);
        (store, _) = find(dir.path(), SHARDS);
        all = recover_all(&store);
    }
    let recoveries = all.expect("all are recovered");
    eprintln!("flips: seed {seed}: {:?}", recoveries[0].state);
    let numbers = assert_recovered(&store, &recoveries);
    for (model, number) in template().models.iter().zip(numbers) {
        // What the log would bring once more.
        (number + 1..=NEWEST).for_each(|number| commit(&store, model, number));
        assert_at(&store, model, NEWEST);
    }
    drop(store);
    let (store, recoveries) = open(dir.path(), SHARDS);
    assert_recovered(&store, &recoveries);
}

fn recover_all(store: &CheckpointStore) -> Result<Vec<GroupRecovery>, RecoverError> {
    let visitor: Arc<dyn RecoveryVisitor> = Arc::new(());
    (0..SHARDS)
        .map(|group| store.recover(group, &visitor))
        .collect()
}

/// Each group is at its newest checkpoint, at its newest base or empty, as its recovery says.
/// Returns the numbers of their commits.
fn assert_recovered(store: &CheckpointStore, recoveries: &[GroupRecovery]) -> Vec<u64> {
    let mut numbers = Vec::new();
    for (model, recovery) in template().models.iter().zip(recoveries) {
        let number = match &recovery.state {
            Recovered::Checkpoint { .. } => NEWEST,
            Recovered::Rebuilt { .. } => NEWEST_BASE,
            Recovered::Empty { .. } => 0,
        };
        assert_eq!(Model::number(recovery.position()), number);
        assert!(
            number > 0 || model.group == BARE,
            "{recovery:?} though there are bases"
        );
        assert_at(store, model, number);
        numbers.push(number);
    }
    numbers
}

/// All files below `dir`, with their lengths.
fn sled_files(dir: &Path) -> Vec<(PathBuf, usize)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            files.extend(sled_files(&entry.path()));
        } else {
            files.push((entry.path(), entry.metadata().unwrap().len() as usize));
        }
    }
    files.sort();
    files
}

/// sled's log, which contains all records.
fn largest(files: &[(PathBuf, usize)]) -> &(PathBuf, usize) {
    files.iter().max_by_key(|(_, bytes)| bytes).unwrap()
}

fn flip((path, bytes): &(PathBuf, usize), count: usize, random: &mut fastrand::Rng) {
    let mut content = fs::read(path).unwrap();
    for _ in 0..count {
        content[random.usize(..*bytes)] ^= random.u8(1..);
    }
    fs::write(path, content).unwrap();
}

/// A block of zeros or of bytes from another place, as a failing disk may write.
fn overwrite_block((path, bytes): &(PathBuf, usize), random: &mut fastrand::Rng) {
    const BLOCK_BYTES: usize = 4096;
    let mut content = fs::read(path).unwrap();
    let from = random.usize(..bytes - BLOCK_BYTES);
    let to = random.usize(..bytes - BLOCK_BYTES);
    if random.bool() {
        content.copy_within(from..from + BLOCK_BYTES, to);
    } else {
        content[to..to + BLOCK_BYTES].fill(0);
    }
    fs::write(path, content).unwrap();
}

fn cut_tail((path, bytes): &(PathBuf, usize), random: &mut fastrand::Rng) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(random.usize(..*bytes) as u64).unwrap();
}

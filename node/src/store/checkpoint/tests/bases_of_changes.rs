//! Bases that are extended by changes, compared with the model.

use std::fs;
use std::path::Path;

use super::harness::{flip_byte, is_checkpoint, open, scratch_dir, scrub};
use super::model::{Content, Model};
use super::seeds::for_seeds;
use crate::store::checkpoint::tree::record::stored_key;
use crate::store::checkpoint::{BaseInfo, CheckpointStore, Commit, CutError, Position, Recovered};

/// Records of the first commit. Later changes are few in comparison.
const RECORDS: u64 = 400;

/// The expected content of the store, at each committed position.
struct Naive {
    contents: Vec<(u64, Content)>,
}

impl Naive {
    fn first(store: &CheckpointStore, random: &mut fastrand::Rng) -> Self {
        let content = (0..RECORDS).map(|number| (key(number), payload(random)));
        let mut naive = Self {
            contents: vec![(0, content.collect())],
        };
        let changes = naive.newest().1.clone().into_iter();
        naive.commit(store, changes.map(|(key, it)| (key, Some(it))).collect());
        naive
    }

    fn newest(&self) -> &(u64, Content) {
        self.contents.last().expect("the first")
    }

    fn commit(&mut self, store: &CheckpointStore, changes: Vec<(Vec<u8>, Option<Vec<u8>>)>) {
        let (number, mut content) = self.newest().clone();
        for (key, payload) in changes.clone() {
            match payload {
                Some(payload) => content.insert(key, payload),
                None => content.remove(&key),
            };
        }
        let position = Model::position(number + 1);
        let meta = format!("at {}", number + 1).into_bytes();
        let commit = Commit {
            position,
            meta,
            changes,
        };
        store.commit(0, commit).expect("the commit is durable");
        self.contents.push((number + 1, content));
    }

    /// Overwrites, removes and adds records, some of them several times.
    fn commit_some(&mut self, store: &CheckpointStore, random: &mut fastrand::Rng) {
        let change = |random: &mut fastrand::Rng| {
            let key = key(random.u64(..RECORDS + 50));
            (key, (random.u8(..4) > 0).then(|| payload(random)))
        };
        let changes = (0..random.usize(1..12)).map(|_| change(random)).collect();
        self.commit(store, changes);
    }

    /// Returns to an earlier position, as after a loss.
    fn back_to(&mut self, position: Option<Position>) {
        let number = Model::number(position);
        self.contents.retain(|(known, _)| *known <= number);
    }

    fn check(&self, store: &CheckpointStore) {
        let (number, content) = self.newest();
        assert!(super::harness::content(store, 0) == *content, "at {number}");
        let meta = store.meta(0).expect("no damage").expect("a commit");
        assert_eq!(meta.bytes, format!("at {number}").into_bytes());
    }
}

fn key(number: u64) -> Vec<u8> {
    format!("record-{number:04}").into_bytes()
}

fn payload(random: &mut fastrand::Rng) -> Vec<u8> {
    let length = random.usize(..300);
    (0..length).map(|_| random.u8(..)).collect()
}

fn lose_sled(dir: &Path) {
    fs::remove_dir_all(dir.join("sled")).expect("it was there");
}

fn files_of(bases: &[BaseInfo]) -> Vec<String> {
    let files = bases.iter().flat_map(|base| &base.files);
    let names = files.map(|file| file.path.file_name().expect("a name"));
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into()).collect();
    names.sort();
    names
}

fn files_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir.join("bases/shard-0000")).expect("bases");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into()).collect();
    names.sort();
    names
}

#[test]
fn a_base_that_went_on_by_changes_is_the_whole_state() {
    for_seeds("bases_of_changes", "HOMEROOM_CHECKPOINT_RUNS", 6, run);
}

fn run(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let dir = scratch_dir();
    let (mut store, _) = open(dir.path(), 1);
    let mut naive = Naive::first(&store, &mut random);
    let mut longest = 1;
    for _ in 0..150 {
        match random.u8(..40) {
            0..20 => naive.commit_some(&store, &mut random),
            20..38 => {
                let base = store.cut_base(0).expect("a base");
                let (number, content) = naive.newest();
                assert_eq!(base.position, Model::position(*number));
                assert_eq!(base.digest.records, content.len() as u64);
                let rotten = scrub(&store, 0);
                assert!(rotten.is_empty(), "{rotten:?}");
                longest = longest.max(base.files.len());
                let bases = store.bases(0).expect("the shard");
                assert_eq!(
                    files_of(&bases),
                    files_in(dir.path()),
                    "nothing shared, nothing left"
                );
            }
            38 => {
                drop(store);
                store = open(dir.path(), 1).0;
            }
            _ => {
                let newest = store.bases(0).expect("the shard").first().cloned();
                let Some(newest) = newest else { continue };
                drop(store);
                lose_sled(dir.path());
                let (reopened, recoveries) = open(dir.path(), 1);
                assert!(!is_checkpoint(&recoveries[0]));
                naive.back_to(Some(newest.position));
                store = reopened;
            }
        }
        naive.check(&store);
    }
    assert!(longest > 1, "no base went on");
}

/// A store with two bases of three files each.
fn gone_on(dir: &Path) -> (CheckpointStore, Naive, [BaseInfo; 2]) {
    let (store, _) = open(dir, 1);
    let mut random = fastrand::Rng::with_seed(5);
    let mut naive = Naive::first(&store, &mut random);
    for _ in 0..6 {
        store.cut_base(0).expect("a base");
        naive.commit_some(&store, &mut random);
    }
    let bases = store.bases(0).expect("the shard");
    let bases = <[BaseInfo; 2]>::try_from(bases).expect("two bases");
    assert!(bases.iter().all(|base| base.files.len() == 3), "{bases:?}");
    (store, naive, bases)
}

#[test]
fn one_rotten_file_costs_its_base_and_not_the_other() {
    for at in 0..3 {
        let dir = scratch_dir();
        let (store, mut naive, [newest, older]) = gone_on(dir.path());
        drop(store);
        flip_byte(&newest.files[at].path, newest.files[at].bytes as usize / 2);
        lose_sled(dir.path());
        let (store, recoveries) = open(dir.path(), 1);
        let Recovered::Rebuilt { from, .. } = recoveries[0].state else {
            panic!("it was not rebuilt");
        };
        assert_eq!(from, older.position, "file {at}");
        naive.back_to(Some(from));
        naive.check(&store);
        assert_eq!(store.bases(0).expect("the shard"), [older]);
    }
}

#[test]
fn a_missing_file_costs_its_base_and_not_the_other() {
    for at in 0..3 {
        let dir = scratch_dir();
        let (store, mut naive, [newest, older]) = gone_on(dir.path());
        drop(store);
        fs::remove_file(&newest.files[at].path).expect("it was there");
        lose_sled(dir.path());
        let (store, recoveries) = open(dir.path(), 1);
        // Without its last file it is an earlier base, and the older one is the newest.
        assert_eq!(recoveries[0].position(), Some(older.position), "file {at}");
        naive.back_to(Some(older.position));
        naive.check(&store);
    }
}

#[test]
fn a_scrub_finds_what_is_rotten_and_the_other_base_goes_on() {
    let dir = scratch_dir();
    let (store, mut naive, [newest, older]) = gone_on(dir.path());
    flip_byte(&older.files[2].path, older.files[2].bytes as usize / 2);
    let rejected = scrub(&store, 0);
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].0, older);
    let mut random = fastrand::Rng::with_seed(6);
    for expected in [1, 4, 2] {
        naive.commit_some(&store, &mut random);
        assert_eq!(store.cut_base(0).expect("a base").files.len(), expected);
    }
    assert!(newest.files[0].path.exists());
    assert!(scrub(&store, 0).is_empty());
    assert_eq!(
        files_of(&store.bases(0).expect("the shard")),
        files_in(dir.path())
    );
}

/// Both bases would be wrong from then on, and the log would be purged behind them.
#[test]
fn a_base_does_not_go_on_by_what_sled_lost_or_brought_back() {
    for brings_back in [false, true] {
        let dir = scratch_dir();
        let (store, mut naive, bases) = gone_on(dir.path());
        let tree = store.group(0).expect("the shard").tree.current();
        let tree = tree.tree();
        let (key, old) = naive.newest().1.first_key_value().expect("a record");
        let (key, mut new) = (key.clone(), old.clone());
        let stored_before = tree.get(stored_key(&key)).expect("sled answers");
        new.push(1);
        naive.commit(&store, vec![(key.clone(), Some(new))]);
        match stored_before.filter(|_| brings_back) {
            Some(before) => tree.insert(stored_key(&key), before),
            None => tree.remove(stored_key(&key)),
        }
        .expect("sled takes it");
        let cut = store.cut_base(0);
        assert!(matches!(cut, Err(CutError::Damaged(_))), "{cut:?}");
        assert_eq!(store.bases(0).expect("the shard"), bases);
        assert!(scrub(&store, 0).is_empty());
    }
}

#[test]
fn a_base_does_not_go_on_for_ever() {
    let dir = scratch_dir();
    let (store, _) = open(dir.path(), 1);
    let mut random = fastrand::Rng::with_seed(7);
    let mut naive = Naive::first(&store, &mut random);
    let mut whole = 0;
    for _ in 0..60 {
        let base = store.cut_base(0).expect("a base");
        assert!(base.files.len() <= 16);
        // Only the last file may exceed the limit.
        let last = base.files.last().map_or(0, |file| file.bytes);
        assert!(base.bytes - last < 2 * base.files[0].bytes || base.files.len() == 1);
        whole += u32::from(base.files.len() == 1);
        naive.commit_some(&store, &mut random);
    }
    assert!((3..30).contains(&whole), "{whole} of 60 were whole");
    let many = |base: &BaseInfo| base.files.len() > 6;
    while !many(&store.cut_base(0).expect("a base")) {
        naive.commit_some(&store, &mut random);
    }
    drop(store);
    lose_sled(dir.path());
    let (store, _) = open(dir.path(), 1);
    naive.check(&store);
}

/// Changes count from the older of two bases; the two are extended in turn.
#[test]
fn many_changes_are_written_as_a_whole() {
    let dir = scratch_dir();
    let (store, _) = open(dir.path(), 1);
    let mut random = fastrand::Rng::with_seed(8);
    let mut naive = Naive::first(&store, &mut random);
    let all_change = [false, false, false, true, false, false];
    for (change_all, files) in all_change.into_iter().zip([1, 1, 2, 1, 1, 2]) {
        if change_all {
            let records = naive.newest().1.keys().cloned();
            let changes = records.map(|key| (key, Some(payload(&mut random))));
            naive.commit(&store, changes.collect());
        }
        naive.commit_some(&store, &mut random);
        assert_eq!(store.cut_base(0).expect("a base").files.len(), files);
    }
}

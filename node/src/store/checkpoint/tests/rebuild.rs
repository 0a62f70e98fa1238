//! Lost and damaged checkpoints that are rebuilt from bases.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::harness::{
    self, assert_at, commit, content, flip_byte, is_checkpoint, models, open, options, scratch_dir,
};
use super::model::Model;
use crate::store::checkpoint::{GroupRecovery, Recovered};
use crate::store::group_id::GroupId;

const SHARDS: u16 = 2;

/// Both groups at commit 5, with bases of the commits 2 and 4.
fn prepared() -> (TempDir, Vec<Model>) {
    let dir = scratch_dir();
    let models = models(21, SHARDS, 80, 300);
    let (store, _) = open(dir.path(), SHARDS);
    for number in 1..=5 {
        for model in &models {
            commit(&store, model, number);
            if number % 2 == 0 {
                store.cut_base(model.group).unwrap();
            }
        }
    }
    (dir, models)
}

fn rebuilt_from(recovery: &GroupRecovery) -> (u64, &str) {
    match &recovery.state {
        Recovered::Rebuilt { from, why } => (Model::number(Some(*from)), why),
        other => panic!("not rebuilt: {other:?}"),
    }
}

/// Opens twice: a rebuilt state must be durable, and must not be rebuilt again.
fn open_twice(dir: &Path, models: &[Model], numbers: &[u64]) -> Vec<GroupRecovery> {
    let (store, first) = open(dir, SHARDS);
    for (model, number) in models.iter().zip(numbers) {
        assert_at(&store, model, *number);
    }
    drop(store);
    let (store, second) = open(dir, SHARDS);
    for (model, number) in models.iter().zip(numbers) {
        assert_at(&store, model, *number);
        assert_eq!(
            is_checkpoint(&second[usize::from(model.group)]),
            *number > 0
        );
        // Further commits succeed.
        commit(&store, model, number + 1);
        assert_at(&store, model, number + 1);
    }
    first
}

fn base(dir: &Path, group: GroupId, number: u64) -> std::path::PathBuf {
    dir.join(format!("bases/shard-{group:04}/{:020}.base", number * 10))
}

#[test]
fn a_deleted_sled_directory_is_rebuilt_from_the_newest_bases() {
    let (dir, models) = prepared();
    fs::remove_dir_all(dir.path().join("sled")).unwrap();
    for recovery in open_twice(dir.path(), &models, &[4, 4]) {
        assert_eq!(
            rebuilt_from(&recovery),
            (4, "the sled directory is missing")
        );
    }
    assert!(!dir.path().join("quarantine").exists());
}

#[test]
fn a_sled_directory_without_its_main_file_is_as_good_as_deleted() {
    let (dir, models) = prepared();
    fs::remove_file(dir.path().join("sled/db")).unwrap();
    open_twice(dir.path(), &models, &[4, 4]);
}

#[test]
fn a_damaged_base_gives_way_to_the_older_one() {
    let (dir, models) = prepared();
    fs::remove_dir_all(dir.path().join("sled")).unwrap();
    flip_byte(&base(dir.path(), 0, 4), 5_000);
    let recoveries = open_twice(dir.path(), &models, &[2, 4]);
    let (from, why) = rebuilt_from(&recoveries[0]);
    assert_eq!(from, 2);
    assert!(why.contains("the base at 2-7-40 is invalid"), "{why}");
    assert_eq!(rebuilt_from(&recoveries[1]).0, 4);
}

#[test]
fn a_base_with_a_damaged_header_or_a_cut_tail_gives_way_too() {
    let (dir, models) = prepared();
    fs::remove_dir_all(dir.path().join("sled")).unwrap();
    flip_byte(&base(dir.path(), 0, 4), 12);
    let cut = fs::OpenOptions::new()
        .write(true)
        .open(base(dir.path(), 1, 4))
        .unwrap();
    cut.set_len(cut.metadata().unwrap().len() - 10).unwrap();
    open_twice(dir.path(), &models, &[2, 2]);
}

#[test]
fn without_any_valid_base_a_shard_is_reported_empty() {
    let (dir, models) = prepared();
    fs::remove_dir_all(dir.path().join("sled")).unwrap();
    flip_byte(&base(dir.path(), 0, 2), 5_000);
    flip_byte(&base(dir.path(), 0, 4), 6_000);
    let recoveries = open_twice(dir.path(), &models, &[0, 4]);
    let Recovered::Empty { why } = &recoveries[0].state else {
        panic!("not empty: {:?}", recoveries[0].state);
    };
    assert_eq!(why.matches("is invalid").count(), 2, "{why}");
}

#[test]
fn a_rebuild_cut_off_in_the_middle_begins_anew() {
    let (dir, models) = prepared();
    // State after a kill: one group is imported, another one in part.
    let sled_dir = dir.path().join("sled");
    fs::remove_dir_all(&sled_dir).unwrap();
    fs::create_dir_all(&sled_dir).unwrap();
    fs::write(sled_dir.join("UNFINISHED"), "sled: as it was").unwrap();
    {
        let scratch = scratch_dir();
        let (store, _) = open(scratch.path(), SHARDS);
        commit(&store, &models[0], 1);
        drop(store);
        harness::copy_dir(&scratch.path().join("sled"), &sled_dir);
    }
    for recovery in open_twice(dir.path(), &models, &[4, 4]) {
        assert_eq!(rebuilt_from(&recovery), (4, "sled: as it was"));
    }
    assert!(!dir.path().join("quarantine").exists());
}

#[test]
fn a_tree_without_its_meta_record_or_with_a_lost_record_is_damaged() {
    let lose: [fn(&sled::Tree); 3] = [
        |tree| drop(tree.remove([0]).unwrap()),
        |tree| drop(tree.pop_max().unwrap()),
        |tree| {
            let (key, _) = tree.last().unwrap().unwrap();
            let (_, other) = tree.range([1]..).next().unwrap().unwrap();
            tree.insert(key, other).unwrap();
        },
    ];
    for lose in lose {
        let (dir, models) = prepared();
        {
            let db = harness::sled_in(dir.path());
            lose(&db.open_tree("shard-0001").unwrap());
        }
        let recoveries = open_twice(dir.path(), &models, &[4, 4]);
        let (_, why) = rebuilt_from(&recoveries[0]);
        assert!(why.starts_with("shard 1:"), "{why}");
    }
}

#[test]
fn damaged_side_files_protect_nothing_and_harm_nothing() {
    let (dir, models) = prepared();
    (0..100).for_each(|at| flip_byte(&dir.path().join("heads"), at));
    flip_byte(&dir.path().join("identity"), 3);
    let recoveries = open_twice(dir.path(), &models, &[5, 5]);
    assert!(recoveries.iter().all(is_checkpoint));
    fs::remove_file(dir.path().join("heads")).unwrap();
    fs::remove_file(dir.path().join("identity")).unwrap();
    open_twice(dir.path(), &models, &[6, 6]);
}

#[test]
fn opens_that_never_end_condemn_the_directory() {
    let (dir, models) = prepared();
    fs::write(dir.path().join("sled/OPENING"), "2").unwrap();
    let (store, recoveries) = open(dir.path(), SHARDS);
    assert!(recoveries.iter().all(is_checkpoint));
    drop(store);
    assert!(!dir.path().join("sled/OPENING").exists());
    fs::write(dir.path().join("sled/OPENING"), "3").unwrap();
    open_twice(dir.path(), &models, &[4, 4]);
}

#[test]
fn the_newest_two_quarantines_are_kept() {
    let (dir, _) = prepared();
    for _ in 0..4 {
        let (store, _) = open(dir.path(), SHARDS);
        store.mark_suspect("a test").unwrap();
    }
    let (_store, _) = open(dir.path(), SHARDS);
    let mut names: Vec<_> = fs::read_dir(dir.path().join("quarantine"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["3", "4"]);
}

#[test]
fn damage_at_run_time_is_reported_and_never_served() {
    let (dir, models) = prepared();
    let (store, _) = open(dir.path(), SHARDS);
    let victim = models[0].content(5).into_keys().nth(30).unwrap();
    let tree = store.groups[0].tree.current();
    let tree = tree.tree();
    let mut stored_key = vec![1];
    stored_key.extend_from_slice(&victim);
    let mut value = tree.get(&stored_key).unwrap().unwrap().to_vec();
    *value.last_mut().unwrap() ^= 1;
    tree.insert(&stored_key, value).unwrap();
    store.get(0, &victim).unwrap_err();
    assert_eq!(
        store.scan(0, b"").unwrap().filter(Result::is_err).count(),
        1
    );
    assert!(store.cut_base(0).is_err());
    assert_eq!(store.bases(0).unwrap().len(), 2);
    // A commit that would replace the damaged record detects it, and takes the store out of use.
    let mut next = models[0].commit(6);
    next.changes.push((victim.clone(), None));
    assert!(!store.commit(0, next).unwrap_err().is_refusal());
    assert!(store.health.is_out_of_use());
    store.get(1, b"any").unwrap_err();
    assert!(store.scan(1, b"").is_err());
    drop(store);
    open_twice(dir.path(), &models, &[4, 4]);
}

#[test]
fn a_start_that_makes_no_progress_is_given_up() {
    let (dir, models) = prepared();
    let slow = crate::store::checkpoint::CheckpointOptions {
        stall_limit: std::time::Duration::from_millis(200),
        ..options()
    };
    let stuck = std::sync::Arc::new(Stuck::default());
    let opened = crate::store::checkpoint::CheckpointStore::open_recovered(
        dir.path(),
        SHARDS,
        harness::CLUSTER,
        &slow,
        stuck.clone(),
    );
    assert!(matches!(
        opened.map(|_| ()),
        Err(crate::store::checkpoint::OpenError::Stuck { .. })
    ));
    // The stuck thread still holds the directory; a restart of the process ends it.
    assert!(harness::try_open(dir.path(), SHARDS).is_err());
    stuck.end();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while harness::try_open(dir.path(), SHARDS).is_err() {
        assert!(
            std::time::Instant::now() < deadline,
            "the thread never releases the directory"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // It was marked suspect.
    assert!(dir.path().join("quarantine/1").exists());
    open_twice(dir.path(), &models, &[4, 4]);
}

/// A visitor that blocks until the sender of its channel is dropped.
pub(super) struct Stuck(
    std::sync::Mutex<Option<std::sync::mpsc::Sender<()>>>,
    std::sync::Mutex<std::sync::mpsc::Receiver<()>>,
);

impl Stuck {
    pub(super) fn end(&self) {
        drop(self.0.lock().unwrap().take());
    }
}

impl Default for Stuck {
    fn default() -> Self {
        let (sender, receiver) = std::sync::mpsc::channel();
        Stuck(Some(sender).into(), receiver.into())
    }
}

impl crate::store::checkpoint::RecoveryVisitor for Stuck {
    fn begin(&self, _group: GroupId) {
        let _ = self.1.lock().unwrap().recv();
    }

    fn record(&self, _group: GroupId, _key: &[u8], _payload: &[u8]) {}
}

#[test]
fn models_differ_between_commits() {
    // Otherwise the comparisons above would prove little.
    let model = models(21, 1, 80, 300)[0];
    assert!((0..5).all(|number| model.content(number) != model.content(number + 1)));
    let dir = scratch_dir();
    let (store, _) = open(dir.path(), 1);
    commit(&store, &model, 1);
    assert!(content(&store, 0) != model.content(2));
}

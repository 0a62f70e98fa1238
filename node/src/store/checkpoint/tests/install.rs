//! Received bases that replace a group's state.

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::harness::{
    self, assert_at, commit, content, is_checkpoint, models, open, scratch_dir, scrub,
};
use super::model::{Content, Model};
use crate::store::checkpoint::tree::pointer;
use crate::store::checkpoint::{
    BaseError, BaseInfo, BaseReader, CheckpointStore, CommitError, IncomingBase, InstallError,
    InstallStep, Recovered,
};
use crate::store::group_id::GroupId;

pub(super) const SHARDS: u16 = 2;
/// The commit that the other node's base is of, and the number of its files.
pub(super) const OTHERS: u64 = 6;
const OTHERS_FILES: usize = 3;
/// The commit that the group is at before the install.
pub(super) const OWN: u64 = 3;

/// Models whose bases go on by changes; the first group's state is of several parts of an import.
pub(super) fn models_of(seed: u64) -> Vec<Model> {
    let mut models = models(seed, SHARDS, 400, 2_000);
    models[0].later_changes = 20;
    models[1].payload_bytes_max = 100;
    models
}

/// Another node's store, and a base of its first group.
pub(super) fn other_node(models: &[Model]) -> (TempDir, BaseInfo) {
    let dir = scratch_dir();
    let (store, _) = open(dir.path(), SHARDS);
    for number in 1..=OTHERS {
        commit(&store, &models[0], number);
        store.cut_base(0).expect("a base");
    }
    let base = store.bases(0).expect("the shard")[0].clone();
    assert_eq!(base.files.len(), OTHERS_FILES, "its base is a chain");
    (dir, base)
}

/// A store whose groups are at commit [`OWN`], with two bases each.
pub(super) fn own_node(models: &[Model]) -> TempDir {
    let dir = scratch_dir();
    let (store, _) = open(dir.path(), SHARDS);
    for number in 1..=OWN {
        for model in models {
            commit(&store, model, number);
            if number < OWN {
                store.cut_base(model.group).expect("a base");
            }
        }
    }
    dir
}

/// Receives the files in pieces, as from a stream.
pub(super) fn receive(store: &CheckpointStore, group: GroupId, base: &BaseInfo) -> IncomingBase {
    let mut incoming = store.receive(group, base.bytes).expect("a folder");
    for file in &base.files {
        incoming.begin_file().expect("a file");
        let bytes = fs::read(&file.path).expect("the other node's file");
        for piece in bytes.chunks(100_000) {
            incoming.write(piece).expect("room");
        }
    }
    incoming
}

/// The group's trees in sled, by their generations.
pub(super) fn trees(dir: &Path, group: GroupId) -> Vec<u32> {
    let db = harness::sled_in(dir);
    let mut trees: Vec<u32> = pointer::generations(&db, group).expect("names").collect();
    trees.sort_unstable();
    trees
}

#[test]
fn an_installed_base_replaces_tree_and_bases() {
    let models = models_of(41);
    let (_other, base) = other_node(&models);
    let dir = own_node(&models);
    let (store, _) = open(dir.path(), SHARDS);
    let steps = RefCell::new(Vec::new());
    let incoming = receive(&store, 0, &base);
    let installed = store.install(0, incoming, &|step| steps.borrow_mut().push(step));
    let installed = installed.expect("it is ahead");
    let mut steps = steps.into_inner();
    assert!(
        steps
            .iter()
            .filter(|step| **step == InstallStep::Built)
            .count()
            >= 2
    );
    steps.dedup();
    use InstallStep::{BaseReplaced, Built, OldRemoved, Switched, Synced, Verified};
    assert_eq!(
        steps,
        [Verified, Built, Synced, Switched, BaseReplaced, OldRemoved]
    );
    assert_at(&store, &models[0], OTHERS);
    assert_at(&store, &models[1], OWN);
    assert_eq!(
        (installed.position, installed.digest),
        (base.position, base.digest)
    );
    assert_eq!(store.bases(0).expect("the shard"), [installed]);
    // There is one base: nothing may be purged, and another one is due.
    assert_eq!(store.older_base_position(0).expect("the shard"), None);
    assert!(store.has_lost_base(0));
    assert_eq!(store.bases(1).expect("the shard").len(), 2);
    go_on_after_install(store, &dir, &models);
}

/// Commits, cuts, restarts and a lost sled after an install.
fn go_on_after_install(mut store: CheckpointStore, dir: &TempDir, models: &[Model]) {
    let mut number = OTHERS;
    for _ in 0..2 {
        for _ in 0..3 {
            number += 1;
            commit(&store, &models[0], number);
            store.cut_base(0).expect("a base");
            assert!(scrub(&store, 0).is_empty());
        }
        assert!(!store.has_lost_base(0));
        let older = store.older_base_position(0).expect("the shard");
        assert_eq!(Model::number(older), number - 1);
        drop(store);
        assert_eq!(trees(dir.path(), 0), [1], "the old tree is gone");
        let (reopened, recoveries) = open(dir.path(), SHARDS);
        assert!(recoveries.iter().all(is_checkpoint), "{recoveries:?}");
        assert_at(&reopened, &models[0], number);
        store = reopened;
    }
    drop(store);
    fs::remove_dir_all(dir.path().join("sled")).expect("it was there");
    let (store, _) = open(dir.path(), SHARDS);
    assert_at(&store, &models[0], number);
    drop(store);
    let (_, recoveries) = open(dir.path(), SHARDS);
    assert!(recoveries.iter().all(is_checkpoint), "{recoveries:?}");
}

/// The base is the newest one: without it a lost sled would cost the state, since the log is purged
/// up to it.
#[test]
fn a_lost_sled_is_rebuilt_from_an_installed_base() {
    let models = models_of(42);
    let (_other, base) = other_node(&models);
    let dir = own_node(&models);
    let (store, _) = open(dir.path(), SHARDS);
    let incoming = store.receive_copy(0, &base).expect("a copy");
    store.install(0, incoming, &|_| {}).expect("it is ahead");
    drop(store);
    fs::remove_dir_all(dir.path().join("sled")).expect("it was there");
    let (store, recoveries) = open(dir.path(), SHARDS);
    assert!(matches!(recoveries[0].state, Recovered::Rebuilt { .. }));
    assert_at(&store, &models[0], OTHERS);
}

#[test]
fn an_empty_group_takes_an_installed_base() {
    let models = models_of(43);
    let (_other, base) = other_node(&models);
    let dir = scratch_dir();
    let (store, _) = open(dir.path(), SHARDS);
    let incoming = receive(&store, 0, &base);
    store.install(0, incoming, &|_| {}).expect("it is ahead");
    assert_at(&store, &models[0], OTHERS);
    drop(store);
    let (store, recoveries) = open(dir.path(), SHARDS);
    assert!(is_checkpoint(&recoveries[0]));
    assert_at(&store, &models[0], OTHERS);
}

#[test]
fn readers_that_began_before_an_install_see_the_old_state_only() {
    let models = models_of(44);
    let (_other, base) = other_node(&models);
    let dir = own_node(&models);
    let (store, _) = open(dir.path(), SHARDS);
    let mut scan = store.scan(0, b"").expect("the shard");
    let first = scan.next().expect("a record").expect("no damage");
    let old_base = store.bases(0).expect("the shard")[0].clone();
    let opened = old_base.files.iter().map(|file| fs::File::open(&file.path));
    let opened: Vec<fs::File> = opened.collect::<Result<_, _>>().expect("its files");
    let mut reader = BaseReader::open(opened).expect("a base");
    reader.next().expect("a record");

    let incoming = receive(&store, 0, &base);
    store.install(0, incoming, &|_| {}).expect("it is ahead");
    assert_at(&store, &models[0], OTHERS);

    let mut seen = Content::from([(first.key().to_vec(), first.payload().to_vec())]);
    for record in scan {
        let record = record.expect("no damage");
        seen.insert(record.key().to_vec(), record.payload().to_vec());
    }
    assert!(seen == models[0].content(OWN));
    let header = reader.verify().expect("the old base to its end");
    assert_eq!(header.position, old_base.position);
    // The last reader has ended, so the next cut removes the old tree.
    commit(&store, &models[0], OTHERS + 1);
    store.cut_base(0).expect("a base");
    assert_at(&store, &models[0], OTHERS + 1);
    drop(store);
    assert_eq!(trees(dir.path(), 0), [1]);
}

#[test]
fn reads_beside_an_install_are_of_one_state() {
    let models = models_of(45);
    let (_other, base) = other_node(&models);
    let dir = own_node(&models);
    let (store, _) = open(dir.path(), SHARDS);
    let (old, new) = (models[0].content(OWN), models[0].content(OTHERS));
    let incoming = receive(&store, 0, &base);
    std::thread::scope(|scope| {
        let install = scope.spawn(|| store.install(0, incoming, &|_| {}));
        scope.spawn(|| {
            for number in OWN + 1..OWN + 20 {
                commit(&store, &models[1], number);
            }
        });
        let mut was_new = false;
        while !install.is_finished() {
            let seen = content(&store, 0);
            assert!(
                seen == new || seen == old && !was_new,
                "a mix of two states"
            );
            was_new = seen == new;
            scrub(&store, 0);
        }
        install.join().expect("no panic").expect("it is ahead");
    });
    assert_at(&store, &models[0], OTHERS);
    assert_at(&store, &models[1], OWN + 19);
    assert_eq!(store.bases(0).expect("the shard").len(), 1);
    assert_eq!(store.rejected_bases(), 0);
}

/// The other node's base, changed in a way that must be refused.
type Harm = fn(&CheckpointStore, &BaseInfo) -> Result<BaseInfo, InstallError>;

fn install_with(
    store: &CheckpointStore,
    base: &BaseInfo,
    change: impl FnOnce(&mut Vec<Vec<u8>>),
) -> Result<BaseInfo, InstallError> {
    let files = base.files.iter().map(|file| fs::read(&file.path));
    let mut files: Vec<Vec<u8>> = files.collect::<Result<_, _>>().expect("its files");
    change(&mut files);
    let mut incoming = store.receive(0, base.bytes)?;
    for file in files {
        incoming.begin_file().map_err(InstallError::Received)?;
        incoming.write(&file).map_err(InstallError::Received)?;
    }
    store.install(0, incoming, &|_| {})
}

#[test]
fn a_base_that_is_not_whole_or_not_the_groups_changes_nothing() {
    let harms: [Harm; 6] = [
        |store, base| install_with(store, base, |files| files[1][3_000] ^= 1),
        |store, base| install_with(store, base, |files| files[2].truncate(500)),
        |store, base| install_with(store, base, |files| drop(files.remove(1))),
        |store, base| install_with(store, base, |files| files[0].push(0)),
        |store, base| install_with(store, base, Vec::clear),
        |store, base| store.install(1, receive(store, 0, base), &|_| {}),
    ];
    let models = models_of(46);
    let (_other, base) = other_node(&models);
    let dir = own_node(&models);
    let (store, _) = open(dir.path(), SHARDS);
    let bases = store.bases(0).expect("the shard");
    for (number, harm) in harms.iter().enumerate() {
        let refused = harm(&store, &base).expect_err("it is not valid");
        assert!(refused.is_refusal(), "{number}: {refused}");
        assert_eq!(store.bases(0).expect("the shard"), bases);
        assert_at(&store, &models[0], OWN);
    }
    // And the valid one is installed after all of them.
    store
        .install(0, receive(&store, 0, &base), &|_| {})
        .expect("it is ahead");
    assert_at(&store, &models[0], OTHERS);
}

#[test]
fn a_base_of_another_cluster_or_of_the_past_changes_nothing() {
    let models = models_of(47);
    let (_other, base) = other_node(&models);
    let dir = scratch_dir();
    let opened = CheckpointStore::open_recovered(
        dir.path(),
        SHARDS,
        b"another cluster",
        &harness::options(),
        std::sync::Arc::new(()),
    );
    let (foreign, _) = opened.expect("a new store");
    let refused = foreign.install(0, receive(&foreign, 0, &base), &|_| {});
    assert!(matches!(
        refused,
        Err(InstallError::Received(BaseError::ForeignCluster))
    ));
    assert_eq!(foreign.position(0).expect("the shard"), None);

    let dir = own_node(&models);
    let (store, _) = open(dir.path(), SHARDS);
    for number in OWN + 1..=OTHERS {
        commit(&store, &models[0], number);
    }
    let refused = store.install(0, receive(&store, 0, &base), &|_| {});
    assert!(matches!(
        refused,
        Err(InstallError::Store(CommitError::NotAhead { .. }))
    ));
    assert_at(&store, &models[0], OTHERS);
    drop(store);
    assert_eq!(trees(dir.path(), 0), [0]);
}

#[test]
fn a_commit_that_overtakes_an_install_stays() {
    let models = models_of(48);
    let (_other, base) = other_node(&models);
    let dir = own_node(&models);
    let (store, _) = open(dir.path(), SHARDS);
    let overtake = |step| {
        if step == InstallStep::Synced {
            for number in OWN + 1..=OTHERS + 1 {
                commit(&store, &models[0], number);
            }
        }
    };
    let refused = store.install(0, receive(&store, 0, &base), &overtake);
    assert!(refused.expect_err("it is behind").is_refusal());
    assert_at(&store, &models[0], OTHERS + 1);
    store.cut_base(0).expect("a base");
    drop(store);
    assert_eq!(trees(dir.path(), 0), [0], "the new tree is gone");
    let (store, recoveries) = open(dir.path(), SHARDS);
    assert!(recoveries.iter().all(is_checkpoint));
    assert_at(&store, &models[0], OTHERS + 1);
}

#[test]
fn what_was_received_and_not_installed_is_removed() {
    let models = models_of(49);
    let (_other, base) = other_node(&models);
    let dir = own_node(&models);
    let (store, _) = open(dir.path(), SHARDS);
    let incoming = |dir: &Path| {
        let entries = fs::read_dir(dir.join("incoming"));
        entries.map_or(0, Iterator::count)
    };
    let one = receive(&store, 0, &base);
    // A second one takes its place, and the first one is of no use any more.
    let two = receive(&store, 0, &base);
    assert_eq!(incoming(dir.path()), 1);
    let refused = store.install(0, one, &|_| {}).expect_err("it is gone");
    assert!(refused.is_refusal());
    let busy = |step| {
        if step == InstallStep::Verified {
            assert!(matches!(store.receive(0, 1), Err(InstallError::Busy(0))));
            store.receive(1, 1).expect("of another group");
        }
    };
    store.install(0, two, &busy).expect("it is ahead");
    assert_eq!(incoming(dir.path()), 0);
    std::mem::forget(receive(&store, 1, &base));
    assert_eq!(incoming(dir.path()), 1);
    drop(store);
    let (store, _) = open(dir.path(), SHARDS);
    assert_eq!(incoming(dir.path()), 0);
    let mut too_long = store.receive(0, 10).expect("a folder");
    assert!(too_long.write(b"1").is_err(), "no file was begun");
    too_long.begin_file().expect("a file");
    too_long.write(b"0123456789").expect("room");
    assert!(matches!(
        too_long.write(b"1"),
        Err(BaseError::TooLong { bytes_max: 10 })
    ));
    let mut many = store.receive(0, 10).expect("a folder");
    let begun = (0..20).take_while(|_| many.begin_file().is_ok()).count();
    assert_eq!(begun, 16);
}

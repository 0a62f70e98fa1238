//! The two phases of an open: what is found at once, and each group's recovery later.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::harness::{
    self, CLUSTER, Seen, assert_at, commit, content, find, flip_byte, is_checkpoint, models, open,
    options, scratch_dir,
};
use super::model::Model;
use crate::store::checkpoint::{
    CheckpointStore, CommitError, CutError, FoundGroup, GroupRecovery, InstallError, ReadError,
    RecoverError, Recovered, RecoveryVisitor,
};
use crate::store::group_id::GroupId;

const SHARDS: u16 = 3;
/// The groups' last commit, and that of their newest base.
const NEWEST: u64 = 5;
const NEWEST_BASE: u64 = 4;

/// All groups at commit 5, with bases of the commits 2 and 4.
fn prepared(seed: u64) -> (TempDir, Vec<Model>) {
    let dir = scratch_dir();
    let models = models(seed, SHARDS, 60, 400);
    let (store, _) = open(dir.path(), SHARDS);
    for number in 1..=NEWEST {
        for model in &models {
            commit(&store, model, number);
            if number % 2 == 0 {
                store.cut_base(model.group).expect("a base");
            }
        }
    }
    (dir, models)
}

/// Recovers a group; the visitor must receive exactly what a scan returns.
fn recover(store: &CheckpointStore, group: GroupId) -> GroupRecovery {
    let seen = Arc::new(Seen::default());
    let visitor: Arc<dyn RecoveryVisitor> = seen.clone();
    let recovery = store.recover(group, &visitor).expect("it is recovered");
    let seen = seen.0.lock().expect("no panic").remove(&group);
    assert!(seen.as_ref() == Some(&content(store, group)));
    assert_eq!(
        store.position(group).expect("the shard"),
        recovery.position()
    );
    recovery
}

fn numbers(found: &[FoundGroup]) -> Vec<u64> {
    found
        .iter()
        .map(|it| Model::number(it.position()))
        .collect()
}

/// Overwrites a record of a group's tree, of which the open reads nothing.
fn damage_a_record(dir: &Path, group: GroupId) {
    let tree = harness::sled_in(dir).open_tree(format!("shard-{group:04}"));
    let tree = tree.expect("its tree");
    let (key, value) = tree.last().expect("sled answers").expect("a record");
    let mut value = value.to_vec();
    value[5] ^= 1;
    tree.insert(key, value).expect("sled takes it");
}

#[test]
fn what_is_stored_is_found_at_once_and_used_once_it_is_recovered() {
    let (dir, models) = prepared(61);
    let (store, found) = find(dir.path(), SHARDS);
    assert_eq!(numbers(&found), [NEWEST; 3]);
    for (model, found) in models.iter().zip(&found) {
        let meta = found.meta.as_ref().expect("a checkpoint");
        assert_eq!(meta.bytes, model.meta(NEWEST));
        assert_eq!(found.lost, None);
    }
    assert_eq!(store.known_meta(1).expect("the shard"), found[1].meta);
    let recovery = recover(&store, 1);
    assert!(is_checkpoint(&recovery));
    assert_eq!(recovery.to_apply_again(), None);
    assert_at(&store, &models[1], NEWEST);
    commit(&store, &models[1], NEWEST + 1);
    let known = store.known_meta(1).expect("the shard").expect("a commit");
    assert_eq!(known.bytes, models[1].meta(NEWEST + 1));
    store.cut_base(1).expect("a base");

    // The others are refused, and at once.
    let refused = store.commit(0, models[0].commit(NEWEST + 1));
    let refused = refused.expect_err("it is not recovered");
    assert!(refused.is_refusal() && matches!(refused, CommitError::NotRecovered(0)));
    assert!(matches!(
        store.get(0, b"any"),
        Err(ReadError::NotRecovered(0))
    ));
    assert!(matches!(
        store.scan(0, b"").map(drop),
        Err(ReadError::NotRecovered(0))
    ));
    assert!(matches!(store.meta(0), Err(ReadError::NotRecovered(0))));
    assert!(matches!(store.cut_base(0), Err(CutError::NotRecovered(0))));
    let incoming = store.receive(0, 1).expect("a folder");
    let refused = store.install(0, incoming, &|_| {});
    assert!(matches!(
        refused,
        Err(InstallError::Store(CommitError::NotRecovered(0)))
    ));
    assert_eq!(Model::number(store.position(0).expect("the shard")), NEWEST);
    assert_eq!(store.bases(0).expect("the shard").len(), 2);

    assert!(is_checkpoint(&recover(&store, 2)) && is_checkpoint(&recover(&store, 0)));
    assert!(!dir.path().join("sled/OPENING").exists());
    for (model, number) in models.iter().zip([NEWEST, NEWEST + 1, NEWEST]) {
        assert_at(&store, model, number);
    }
    // It is read again whenever it is asked for.
    assert!(is_checkpoint(&recover(&store, 1)));
}

#[test]
fn a_damaged_tree_costs_its_group_only() {
    let (dir, models) = prepared(62);
    damage_a_record(dir.path(), 1);
    let (store, found) = find(dir.path(), SHARDS);
    assert_eq!(numbers(&found), [NEWEST; 3]);
    assert!(is_checkpoint(&recover(&store, 0)));
    commit(&store, &models[0], NEWEST + 1);
    let recovery = recover(&store, 1);
    let Recovered::Rebuilt { why, .. } = &recovery.state else {
        panic!("not rebuilt: {recovery:?}");
    };
    assert!(why.starts_with("shard 1:"), "{why}");
    let again = recovery.to_apply_again().expect("a part of the log");
    assert_eq!(
        (Model::number(again.0), Model::number(Some(again.1))),
        (NEWEST_BASE, NEWEST)
    );
    assert!(is_checkpoint(&recover(&store, 2)));
    commit(&store, &models[1], NEWEST_BASE + 1);
    for (model, number) in models.iter().zip([NEWEST + 1, NEWEST, NEWEST]) {
        assert_at(&store, model, number);
    }
    store.cut_base(1).expect("a base");
    drop(store);
    assert_eq!(
        super::install::trees(dir.path(), 1),
        [1],
        "the damaged one is gone"
    );
    let (store, recoveries) = open(dir.path(), SHARDS);
    assert!(recoveries.iter().all(is_checkpoint), "{recoveries:?}");
    assert_at(&store, &models[1], NEWEST);
    assert!(!dir.path().join("quarantine").exists());
}

#[test]
fn a_damaged_tree_without_any_valid_base_is_reported_empty() {
    let (dir, models) = prepared(63);
    damage_a_record(dir.path(), 2);
    for base in fs::read_dir(dir.path().join("bases/shard-0002")).expect("its bases") {
        flip_byte(&base.expect("an entry").path(), 3_000);
    }
    let (store, _) = find(dir.path(), SHARDS);
    let recovery = recover(&store, 2);
    assert!(
        matches!(recovery.state, Recovered::Empty { .. }),
        "{recovery:?}"
    );
    assert_eq!(
        recovery.to_apply_again(),
        Some((None, Model::position(NEWEST)))
    );
    assert_at(&store, &models[2], 0);
    commit(&store, &models[2], 1);
    assert_at(&store, &models[2], 1);
    drop(store);
    let (store, _) = open(dir.path(), SHARDS);
    assert_at(&store, &models[2], 1);
    assert_at(&store, &models[0], NEWEST);
}

#[test]
fn groups_are_recovered_in_any_order_while_others_go_on() {
    let (dir, models) = prepared(64);
    for round in 0..3 {
        let (store, _) = find(dir.path(), SHARDS);
        std::thread::scope(|scope| {
            for model in models.iter().rev() {
                let store = &store;
                scope.spawn(move || {
                    assert!(is_checkpoint(&recover(store, model.group)));
                    for number in NEWEST + 3 * round + 1..=NEWEST + 3 * round + 3 {
                        commit(store, model, number);
                    }
                    store.cut_base(model.group).expect("a base");
                });
            }
        });
        for model in &models {
            assert_at(&store, model, NEWEST + 3 * round + 3);
        }
    }
}

#[test]
fn a_lost_sled_is_rebuilt_group_by_group() {
    let (dir, models) = prepared(65);
    fs::remove_dir_all(dir.path().join("sled")).expect("it was there");
    let (store, found) = find(dir.path(), SHARDS);
    assert_eq!(numbers(&found), [NEWEST_BASE; 3]);
    for (model, found) in models.iter().zip(&found) {
        assert_eq!(found.lost.as_deref(), Some("the sled directory is missing"));
        let meta = found.meta.as_ref().expect("a base");
        assert_eq!(meta.bytes, model.meta(NEWEST_BASE));
    }
    let recovery = recover(&store, 1);
    assert!(matches!(recovery.state, Recovered::Rebuilt { .. }));
    // It is used while the others wait, and is not valid before they are in sled, too.
    commit(&store, &models[1], NEWEST);
    assert_at(&store, &models[1], NEWEST);
    drop(store);
    let (store, found) = find(dir.path(), SHARDS);
    assert_eq!(numbers(&found), [NEWEST_BASE; 3]);
    for model in &models {
        assert!(!is_checkpoint(&recover(&store, model.group)));
        commit(&store, model, NEWEST);
    }
    drop(store);
    let (store, recoveries) = open(dir.path(), SHARDS);
    assert!(recoveries.iter().all(is_checkpoint), "{recoveries:?}");
    models
        .iter()
        .for_each(|model| assert_at(&store, model, NEWEST));
}

#[test]
fn a_stop_before_all_are_recovered_is_no_failed_open() {
    let (dir, models) = prepared(66);
    for _ in 0..5 {
        let (store, _) = find(dir.path(), SHARDS);
        recover(&store, 0);
    }
    let (store, recoveries) = open(dir.path(), SHARDS);
    assert!(recoveries.iter().all(is_checkpoint), "{recoveries:?}");
    models
        .iter()
        .for_each(|model| assert_at(&store, model, NEWEST));
}

#[test]
fn an_installed_tree_is_read_by_the_next_recovery() {
    let models = super::install::models_of(67);
    let (_other, base) = super::install::other_node(&models);
    let dir = super::install::own_node(&models);
    let (store, _) = open(dir.path(), super::install::SHARDS);
    let incoming = super::install::receive(&store, 0, &base);
    store.install(0, incoming, &|_| {}).expect("it is ahead");
    assert!(is_checkpoint(&recover(&store, 0)));
    assert_at(&store, &models[0], super::install::OTHERS);
}

#[test]
fn a_recovery_that_makes_no_progress_is_given_up_and_the_others_go_on() {
    let (dir, models) = prepared(68);
    let slow = crate::store::checkpoint::CheckpointOptions {
        stall_limit: Duration::from_millis(200),
        ..options()
    };
    let opened = CheckpointStore::open(dir.path(), SHARDS, CLUSTER, &slow);
    let (store, _) = opened.expect("the store opens");
    let stuck = Arc::new(super::rebuild::Stuck::default());
    let visitor: Arc<dyn RecoveryVisitor> = stuck.clone();
    let given_up = store.recover(0, &visitor);
    assert!(matches!(given_up, Err(RecoverError::Stuck { .. })));
    assert!(matches!(
        store.get(0, b"any"),
        Err(ReadError::NotRecovered(0))
    ));
    assert!(is_checkpoint(&recover(&store, 1)));
    commit(&store, &models[1], NEWEST + 1);
    stuck.end();
}

//! The contract of each method.

use std::sync::Arc;

use super::harness::{self, CLUSTER, assert_at, commit, content, models, open, scratch_dir};
use super::model::Model;
use crate::store::checkpoint::{
    CheckpointStore, Commit, CommitError, Damage, KEY_BYTES_MAX, OpenError, ReadError, Recovered,
};

fn change(key: &[u8], payload: Option<&[u8]>) -> (Vec<u8>, Option<Vec<u8>>) {
    (key.to_vec(), payload.map(<[u8]>::to_vec))
}

fn commit_of(number: u64, changes: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Commit {
    Commit {
        position: Model::position(number),
        meta: Vec::new(),
        changes,
    }
}

#[test]
fn a_new_store_is_empty_and_stays_so() {
    let dir = scratch_dir();
    for _ in 0..2 {
        let (store, recoveries) = open(dir.path(), 3);
        for recovery in recoveries {
            let why = "no checkpoint was ever made".to_owned();
            assert_eq!(recovery.state, Recovered::Empty { why });
            assert!(content(&store, recovery.group).is_empty());
            assert!(store.meta(recovery.group).unwrap().is_none());
            assert!(store.bases(recovery.group).unwrap().is_empty());
        }
        assert!(!dir.path().join("quarantine").exists());
    }
}

#[test]
fn commits_are_there_after_a_reopen() {
    let dir = scratch_dir();
    let models = models(1, 4, 60, 900);
    for number in 1..=4 {
        let (store, recoveries) = open(dir.path(), 4);
        for (model, recovery) in models.iter().zip(recoveries) {
            assert_eq!(Model::number(recovery.position()), number - 1);
            assert_at(&store, model, number - 1);
            commit(&store, model, number);
            assert_at(&store, model, number);
        }
    }
}

#[test]
fn shards_commit_at_the_same_time() {
    let dir = scratch_dir();
    let models = models(2, 4, 40, 600);
    let (store, _) = open(dir.path(), 4);
    std::thread::scope(|scope| {
        for model in &models {
            let store = &store;
            scope.spawn(move || {
                for number in 1..=6 {
                    commit(store, model, number);
                    // Each commit counts, not only the last one.
                    assert_at(store, model, number);
                }
            });
        }
    });
    drop(store);
    let (store, _) = open(dir.path(), 4);
    models.iter().for_each(|model| assert_at(&store, model, 6));
}

#[test]
fn of_several_changes_to_a_key_the_last_one_holds() {
    let dir = scratch_dir();
    let (store, _) = open(dir.path(), 1);
    let changes = vec![
        change(b"a", Some(b"1")),
        change(b"b", Some(b"1")),
        change(b"a", Some(b"2")),
        change(b"b", None),
        change(b"absent", None),
    ];
    let figures = store.commit(0, commit_of(1, changes)).unwrap();
    assert_eq!((figures.records, figures.bytes), (3, 13));
    drop(store);
    let (store, _) = open(dir.path(), 1);
    assert_eq!(
        content(&store, 0).into_iter().collect::<Vec<_>>(),
        [(b"a".to_vec(), b"2".to_vec())]
    );
}

#[test]
fn a_scan_begins_where_it_is_told() {
    let dir = scratch_dir();
    let (store, _) = open(dir.path(), 1);
    let keys = [&[0][..], &[0, 0], &[5], &[5, 1], &[255, 255]];
    let changes = keys.iter().map(|key| change(key, Some(b"x"))).collect();
    store.commit(0, commit_of(1, changes)).unwrap();
    let from = |from: &[u8]| -> Vec<Vec<u8>> {
        store
            .scan(0, from)
            .unwrap()
            .map(|record| record.unwrap().key().to_vec())
            .collect()
    };
    assert_eq!(from(b""), keys);
    assert_eq!(from(&[5]), keys[2..]);
    assert_eq!(from(&[5, 0]), keys[3..]);
    assert!(from(&[255, 255, 0]).is_empty());
}

#[test]
fn what_is_out_of_bounds_is_refused_and_harms_nothing() {
    let dir = scratch_dir();
    let (store, _) = open(dir.path(), 1);
    let model = models(3, 1, 20, 100)[0];
    commit(&store, &model, 2);
    let refused = |commit| {
        let refusal = store.commit(0, commit).unwrap_err();
        assert!(refusal.is_refusal(), "{refusal}");
        refusal
    };
    refused(commit_of(3, vec![change(b"", Some(b"x"))]));
    refused(commit_of(3, vec![change(&[1; KEY_BYTES_MAX + 1], None)]));
    refused(commit_of(2, vec![]));
    let behind = refused(commit_of(1, vec![]));
    assert!(matches!(behind, CommitError::NotAhead { .. }));
    let none = store.commit(1, commit_of(3, vec![])).unwrap_err();
    assert!(matches!(none, CommitError::NoSuchGroup(1)));
    assert_eq!(store.get(1, b"a").unwrap_err(), ReadError::NoSuchGroup(1));
    assert_eq!(store.position(0).unwrap(), Some(Model::position(2)));
}

#[test]
fn a_large_batch_and_large_records_survive() {
    let dir = scratch_dir();
    let (store, _) = open(dir.path(), 2);
    let many = |count: u8, byte: u8| {
        let record = |i: u8| (vec![i, 1], Some(vec![byte; 700_000]));
        (0..count).map(record).collect::<Vec<_>>()
    };
    store.commit(1, commit_of(1, many(30, 1))).unwrap();
    store.commit(1, commit_of(2, many(4, 2))).unwrap();
    store.cut_base(1).unwrap();
    drop(store);
    let (store, recoveries) = open(dir.path(), 2);
    assert!(harness::is_checkpoint(&recoveries[1]));
    for (i, byte) in [(0, 2), (3, 2), (4, 1), (29, 1)] {
        assert!(*store.get(1, &[i, 1]).unwrap().unwrap() == vec![byte; 700_000]);
    }
}

#[test]
fn a_suspect_store_is_rebuilt_although_it_looks_fine() {
    let dir = scratch_dir();
    let model = models(4, 1, 30, 100)[0];
    let (store, _) = open(dir.path(), 1);
    commit(&store, &model, 1);
    store.cut_base(0).unwrap();
    commit(&store, &model, 2);
    store.mark_suspect("replicas disagree").unwrap();
    drop(store);
    let (store, recoveries) = open(dir.path(), 1);
    let from = Model::position(1);
    let why = "replicas disagree".to_owned();
    assert_eq!(recoveries[0].state, Recovered::Rebuilt { from, why });
    assert_at(&store, &model, 1);
    drop(store);
    let (_store, recoveries) = open(dir.path(), 1);
    assert!(harness::is_checkpoint(&recoveries[0]));
    assert!(dir.path().join("quarantine/1").exists());
}

#[test]
fn one_store_at_a_time_of_one_cluster_and_shape() {
    let dir = scratch_dir();
    let open_as = |groups, cluster: &[u8]| {
        let options = harness::options();
        CheckpointStore::open_recovered(dir.path(), groups, cluster, &options, Arc::new(()))
            .map(|_| ())
    };
    let (store, _) = open(dir.path(), 2);
    assert!(matches!(open_as(2, CLUSTER), Err(OpenError::Locked { .. })));
    drop(store);
    assert!(matches!(
        open_as(2, b"another"),
        Err(OpenError::ForeignCluster)
    ));
    assert!(matches!(
        open_as(3, CLUSTER),
        Err(OpenError::OtherGroupCount { .. })
    ));
    assert!(matches!(
        open_as(0, CLUSTER),
        Err(OpenError::OutOfBounds(_))
    ));
    assert!(open_as(2, CLUSTER).is_ok());
}

#[test]
fn a_state_of_the_past_is_not_taken_for_the_newest() {
    let dir = scratch_dir();
    let model = models(5, 1, 30, 100)[0];
    let (store, _) = open(dir.path(), 1);
    commit(&store, &model, 1);
    store.cut_base(0).unwrap();
    drop(store);
    let past = dir.path().join("past");
    harness::copy_dir(&dir.path().join("sled"), &past);
    let (store, _) = open(dir.path(), 1);
    commit(&store, &model, 2);
    drop(store);
    std::fs::remove_dir_all(dir.path().join("sled")).unwrap();
    std::fs::rename(past, dir.path().join("sled")).unwrap();
    let (store, recoveries) = open(dir.path(), 1);
    let damage = Damage::RolledBack {
        found: Some(Model::position(1)),
        known: Model::position(2),
    };
    let why = damage.of(0).to_string();
    let from = Model::position(1);
    assert_eq!(recoveries[0].state, Recovered::Rebuilt { from, why });
    assert_at(&store, &model, 1);
}

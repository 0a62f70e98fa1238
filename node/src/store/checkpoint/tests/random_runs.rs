//! Random sequences of commits, cuts, reopens and losses, compared with the model.

use std::fs;

use super::harness::{assert_at, commit, is_checkpoint, models, open, scratch_dir};
use super::model::Model;
use super::seeds::for_seeds;
use crate::store::checkpoint::Recovered;

const SHARDS: u16 = 3;

#[test]
fn a_store_is_always_as_its_model() {
    for_seeds("random_runs", "HOMEROOM_CHECKPOINT_RUNS", 6, run);
}

fn run(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let dir = scratch_dir();
    let models = models(seed, SHARDS, random.usize(1..60), random.usize(1..2_000));
    let mut at = [0_u64; SHARDS as usize];
    let mut bases = [(0_u64, 0_u64); SHARDS as usize];
    let (mut store, _) = open(dir.path(), SHARDS);
    for _ in 0..40 {
        let model = &models[random.usize(..models.len())];
        let group = usize::from(model.group);
        match random.u8(..20) {
            0..10 => {
                commit(&store, model, at[group] + 1);
                at[group] += 1;
            }
            10..13 if at[group] > 0 => {
                store.cut_base(model.group).unwrap();
                if bases[group].0 != at[group] {
                    bases[group] = (at[group], bases[group].0);
                }
            }
            13..16 => assert_at(&store, model, at[group]),
            16..18 => {
                drop(store);
                let (reopened, recoveries) = open(dir.path(), SHARDS);
                let known = recoveries.iter().map(|r| Model::number(r.position()));
                assert_eq!(known.collect::<Vec<_>>(), at);
                assert!(
                    recoveries
                        .iter()
                        .all(|r| is_checkpoint(r) || r.position().is_none())
                );
                store = reopened;
            }
            18 => {
                drop(store);
                fs::remove_dir_all(dir.path().join("sled")).unwrap();
                let (reopened, recoveries) = open(dir.path(), SHARDS);
                assert!(!recoveries.iter().any(is_checkpoint));
                at = bases.map(|(newest, _)| newest);
                store = reopened;
            }
            _ => {}
        }
        for (group, (_, older)) in bases.iter().enumerate() {
            let position = store.older_base_position(group as u16).unwrap();
            assert_eq!(Model::number(position), *older);
        }
    }
    models
        .iter()
        .zip(at)
        .for_each(|(model, number)| assert_at(&store, model, number));
    drop(store);
    let (_, recoveries) = open(dir.path(), SHARDS);
    for (recovery, number) in recoveries.iter().zip(at) {
        assert_eq!(Model::number(recovery.position()), number);
        assert!(!matches!(recovery.state, Recovered::Rebuilt { .. }));
    }
}

//! Processes that are killed with SIGKILL while they commit and while they rebuild.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::harness::{self, assert_at, commit, is_checkpoint, models, open, scratch_dir};
use super::model::Model;
use super::seeds::for_seeds;

const SHARDS: u16 = 3;
/// Set in the process that is to be killed; the value is its task.
const TASK: &str = "HOMEROOM_CHECKPOINT_CHILD";

fn commit_models(seed: u64) -> Vec<Model> {
    models(seed, SHARDS, 150, 1_500)
}

/// Not a test: the process that gets killed. Does nothing in a normal run.
#[test]
fn child() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let (seed, dir) = task.split_once(' ').unwrap();
    let models = commit_models(seed.parse().unwrap());
    let (store, recoveries, _) = harness::try_open(Path::new(dir), SHARDS).unwrap();
    println!("open");
    thread::scope(|scope| {
        for (model, recovery) in models.iter().zip(recoveries) {
            let store = &store;
            scope.spawn(move || {
                // Bounded, in case the parent dies.
                for number in Model::number(recovery.position()) + 1..500 {
                    commit(store, model, number);
                    println!("durable {} {number}", model.group);
                    if number % 5 == 0 {
                        store.cut_base(model.group).unwrap();
                    }
                }
            });
        }
    });
}

fn spawn(seed: u64, dir: &Path) -> Child {
    // Within its binary, a test has no crate name in its path.
    let (_, module) = module_path!().split_once("::").unwrap();
    let child_test = format!("{module}::child");
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", &child_test])
        .env(TASK, format!("{seed} {}", dir.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_kill_leaves_every_shard_at_a_whole_commit() {
    for_seeds("kill", "HOMEROOM_CHECKPOINT_KILLS", 2, |seed| {
        let dir = scratch_dir();
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..6 {
            let durable = commit_and_kill(seed, dir.path(), &mut random);
            let (store, recoveries) = open(dir.path(), SHARDS);
            for (model, recovery) in commit_models(seed).iter().zip(&recoveries) {
                let number = Model::number(recovery.position());
                let promised = durable[usize::from(model.group)];
                assert!(
                    number >= promised,
                    "commit {promised} was durable: {recovery:?}"
                );
                assert!(is_checkpoint(recovery) || number == 0, "{recovery:?}");
                assert_at(&store, model, number);
            }
        }
    });
}

/// Lets a process commit for a while and kills it. Returns the commits that it reported as durable.
fn commit_and_kill(seed: u64, dir: &Path, random: &mut fastrand::Rng) -> Vec<u64> {
    let mut child = spawn(seed, dir);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut durable = vec![0; usize::from(SHARDS)];
    let mut note = |line: &str| {
        if let Some((group, number)) = line
            .strip_prefix("durable ")
            .and_then(|l| l.split_once(' '))
        {
            durable[group.parse::<usize>().unwrap()] = number.parse().unwrap();
        }
    };
    for line in lines.by_ref().take(random.usize(4..12)) {
        note(&line.unwrap());
    }
    thread::sleep(Duration::from_micros(random.u64(..20_000)));
    child.kill().unwrap();
    child.wait().unwrap();
    // No line is torn: a pipe takes a line of this length as a whole.
    lines.for_each(|line| note(&line.unwrap()));
    durable
}

#[test]
fn a_kill_during_a_rebuild_leaves_nothing_that_looks_valid() {
    for_seeds("kill", "HOMEROOM_CHECKPOINT_KILLS", 2, |seed| {
        let dir = scratch_dir();
        let models = commit_models(seed);
        {
            let (store, _) = open(dir.path(), SHARDS);
            for (model, number) in models.iter().flat_map(|m| [(m, 1), (m, 2), (m, 3)]) {
                commit(&store, model, number);
                store.cut_base(model.group).unwrap();
            }
        }
        fs::remove_dir_all(dir.path().join("sled")).unwrap();
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..4 {
            let sled_dir = dir.path().join("sled");
            let mut child = spawn(seed, dir.path());
            wait_for(&sled_dir);
            thread::sleep(Duration::from_micros(random.u64(..40_000)));
            child.kill().unwrap();
            child.wait().unwrap();
            let mut output = String::new();
            child
                .stdout
                .take()
                .unwrap()
                .read_to_string(&mut output)
                .unwrap();
            if output.contains("open") {
                // Too late: the rebuild was complete, and commits may have followed.
                fs::remove_dir_all(sled_dir).unwrap();
            }
        }
        let newest: Vec<u64> = models
            .iter()
            .map(|model| newest_base(dir.path(), model))
            .collect();
        let (store, recoveries) = open(dir.path(), SHARDS);
        for ((model, recovery), number) in models.iter().zip(recoveries).zip(newest) {
            assert_eq!(Model::number(recovery.position()), number, "{recovery:?}");
            assert_at(&store, model, number);
        }
        // The killed rebuild was recognised as unfinished, and not taken for damage.
        assert!(!dir.path().join("quarantine").exists());
    });
}

fn newest_base(dir: &Path, model: &Model) -> u64 {
    let bases = fs::read_dir(dir.join(format!("bases/shard-{:04}", model.group))).unwrap();
    let index = |path: PathBuf| path.file_stem()?.to_str()?.parse::<u64>().ok();
    let newest = bases.filter_map(|entry| index(entry.unwrap().path())).max();
    newest.unwrap() / 10
}

fn wait_for(path: &Path) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !path.exists() {
        assert!(Instant::now() < deadline, "{} never came", path.display());
        thread::sleep(Duration::from_micros(300));
    }
}

//! Processes that end at every step of an install, and anywhere in it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::harness::{self, assert_at, commit, copy_dir, is_checkpoint, open, scratch_dir, scrub};
use super::install::{OTHERS, OWN, SHARDS, models_of, other_node, own_node, receive, trees};
use super::model::Model;
use super::seeds::for_seeds;
use crate::store::checkpoint::{BaseInfo, InstallStep};

/// Set in the process that ends: seed, its store, the other node's folder and the step at which it
/// ends.
const TASK: &str = "HOMEROOM_INSTALL_CHILD";
/// At no step: the parent kills it.
const ANYWHERE: &str = "anywhere";

const STEPS: [InstallStep; 6] = [
    InstallStep::Verified,
    InstallStep::Built,
    InstallStep::Synced,
    InstallStep::Switched,
    InstallStep::BaseReplaced,
    InstallStep::OldRemoved,
];

/// Not a test: the process that ends. Does nothing in a normal run.
#[test]
fn child() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let mut words = task.split(' ');
    let mut word = || words.next().expect("a task of four words");
    let models = models_of(word().parse().expect("a seed"));
    let (dir, other, step) = (PathBuf::from(word()), PathBuf::from(word()), word());
    let (store, ..) = harness::try_open(&dir, SHARDS).expect("the store");
    let incoming = receive(&store, 0, &base_in(&other));
    println!("install");
    thread::scope(|scope| {
        // Flushes and positions of another group come in between.
        scope.spawn(|| {
            for number in OWN + 1..1_000 {
                commit(&store, &models[1], number);
                println!("durable {number}");
            }
        });
        let end_at = |ended| {
            if format!("{ended:?}") == step {
                process::exit(0);
            }
            println!("{ended:?}");
        };
        store.install(0, incoming, &end_at).expect("it is ahead");
        println!("installed");
    });
}

/// The newest base of a group's folder, whose files are in the order of their names.
fn base_in(bases: &Path) -> BaseInfo {
    let (store, _) = open(bases, SHARDS);
    store.bases(0).expect("the shard")[0].clone()
}

fn spawn(seed: u64, dir: &Path, other: &Path, step: &str) -> Child {
    // Within its binary, a test has no crate name in its path.
    let (_, module) = module_path!().split_once("::").expect("a module");
    Command::new(std::env::current_exe().expect("the test's binary"))
        .args(["--exact", "--nocapture", &format!("{module}::child")])
        .env(
            TASK,
            format!("{seed} {} {} {step}", dir.display(), other.display()),
        )
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a process")
}

/// What a process reported before it ended.
#[derive(Default)]
struct Reported {
    /// The last durable commit of the second group.
    durable: u64,
    is_installed: bool,
}

impl Reported {
    fn note(&mut self, line: &str) {
        if let Some(number) = line.strip_prefix("durable ") {
            self.durable = number.parse().expect("a number");
        }
        self.is_installed |= line == "installed";
    }
}

/// Lets a process install until it ends by itself, or kills it this long after a step.
fn install_and_end(mut child: Child, kill: Option<(InstallStep, Duration)>) -> Reported {
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut reported = Reported::default();
    let mut kill = kill.map(|(step, after)| (format!("{step:?}"), after));
    for line in lines {
        let line = line.expect("a line");
        reported.note(&line);
        if let Some((_, after)) = kill.take_if(|(step, _)| *step == line) {
            thread::sleep(after);
            child.kill().expect("it runs");
        }
    }
    child.wait().expect("its end");
    reported
}

/// The group is whole in its old or its new state, and goes on from it. Returns whether it is in
/// its new state.
fn check_and_go_on(dir: &Path, models: &[Model], base: &BaseInfo, reported: &Reported) -> bool {
    let (store, recoveries) = open(dir, SHARDS);
    assert!(recoveries.iter().all(is_checkpoint), "{recoveries:?}");
    let [at, beside] = [0, 1].map(|group: usize| Model::number(recoveries[group].position()));
    assert!(beside >= reported.durable, "{beside}");
    assert_at(&store, &models[1], beside);
    assert_at(&store, &models[0], at);
    let bases = store.bases(0).expect("the shard");
    let bases: Vec<u64> = bases
        .iter()
        .map(|it| Model::number(Some(it.position)))
        .collect();
    let is_new = at == OTHERS;
    match is_new {
        true => assert_eq!(bases, [OTHERS]),
        false => assert_eq!((at, &bases[..]), (OWN, &[OWN - 1, OWN - 2][..])),
    }
    assert!(is_new || !reported.is_installed, "the install had ended");
    assert!(scrub(&store, 0).is_empty());
    assert!(!dir.join("incoming").exists());
    assert!(!dir.join("quarantine").exists());
    store.cut_base(0).expect("a base");
    drop(store);
    assert_eq!(trees(dir, 0).len(), 1, "one tree is left");

    let (store, _) = open(dir, SHARDS);
    if !is_new {
        let again = store.install(0, receive(&store, 0, base), &|_| {});
        again.expect("it is ahead");
    }
    commit(&store, &models[0], OTHERS + 1);
    assert_at(&store, &models[0], OTHERS + 1);
    drop(store);
    fs::remove_dir_all(dir.join("sled")).expect("it was there");
    let (store, _) = open(dir, SHARDS);
    assert_at(&store, &models[0], OTHERS);
    is_new
}

#[test]
fn an_end_at_any_step_of_an_install_leaves_the_old_or_the_new_state() {
    for_seeds("install_kill", "HOMEROOM_INSTALL_KILLS", 1, |seed| {
        let models = models_of(seed);
        let ((other, base), own) = (other_node(&models), own_node(&models));
        for (number, step) in STEPS.iter().enumerate() {
            let dir = scratch_dir();
            copy_dir(own.path(), dir.path());
            let step = format!("{step:?}");
            let child = spawn(seed, dir.path(), other.path(), &step);
            let reported = install_and_end(child, None);
            assert!(!reported.is_installed, "it did not end at {step}");
            let is_new = check_and_go_on(dir.path(), &models, &base, &reported);
            assert_eq!(is_new, number >= 3, "{step}");
        }
    });
}

#[test]
fn a_kill_anywhere_in_an_install_leaves_the_old_or_the_new_state() {
    for_seeds("install_kill", "HOMEROOM_INSTALL_KILLS", 1, |seed| {
        let models = models_of(seed);
        let ((other, base), own) = (other_node(&models), own_node(&models));
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..8 {
            let dir = scratch_dir();
            copy_dir(own.path(), dir.path());
            let child = spawn(seed, dir.path(), other.path(), ANYWHERE);
            let after = Duration::from_micros(random.u64(..10_000));
            let kill = (STEPS[random.usize(..STEPS.len())], after);
            let reported = install_and_end(child, Some(kill));
            check_and_go_on(dir.path(), &models, &base, &reported);
        }
    });
}

/// A kill between the two renames that replace a group's bases.
#[test]
fn a_replacement_of_bases_that_was_cut_off_is_finished() {
    let models = models_of(51);
    let ((other, base), own) = (other_node(&models), own_node(&models));
    let child = spawn(51, own.path(), other.path(), "Switched");
    install_and_end(child, None);
    let bases = own.path().join("bases");
    fs::rename(bases.join("shard-0000"), bases.join("shard-0000.old")).expect("its bases");
    assert!(check_and_go_on(
        own.path(),
        &models,
        &base,
        &Reported::default()
    ));
    assert!(!bases.join("shard-0000.old").exists());
}

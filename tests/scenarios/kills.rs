//! A node is killed again and again while a file comes in, and nothing that was taken is lost or counted twice.

use fastrand::Rng;
use homeroom_tests::generator::GeneratorSettings;

use crate::harness::scratch::{bytes_in, flip_bytes};
use crate::harness::wait::until;
use crate::harness::{Home, Input, Seed, check, http, whole_number};

const KILLS_USUAL: u64 = 8;
const LINES: u64 = 5_000;
/// The log grows by up to so much between two kills, so that they fall all over the file.
const GROWTH_BYTES_MAX: u64 = 250_000;

fn home() -> Home {
    Home::new(&["--shards", "2"])
        .with("checkpoint.interval", "100ms")
        .with("checkpoint.base_log_bytes", "1MiB")
        .with("log.segment_bytes", "64KiB")
}

fn input(home: &Home, seed: &Seed) -> Input {
    let settings = GeneratorSettings {
        lines: LINES,
        // Few, so that their earlier events leave the memory.
        learners: 12,
        broken: 0.01,
        seed: seed.seed,
        ..GeneratorSettings::default()
    };
    Input::generate(home, settings)
}

/// Ingests with kills in between, `harm` done to the dead node each time, then compares.
fn ingest_with_kills(
    home: &Home,
    seed: &Seed,
    mut before_kill: impl FnMut(),
    mut harm: impl FnMut(&mut Rng),
) {
    let mut rng = seed.rng();
    let input = input(home, seed);
    let (mut node, cli) = (home.start(), home.cli());
    let mut sending = cli.spawn("ingest", &["ingest", input.name(), "--batch", "100"]);
    for _ in 0..whole_number("HOMEROOM_KILLS").unwrap_or(KILLS_USUAL) {
        let log = home.data().join("log");
        let enough = bytes_in(&log) + rng.u64(1..GROWTH_BYTES_MAX);
        until("a log that grows, or the end of the file", || {
            (bytes_in(&log) >= enough || sending.ended().is_some()).then_some(())
        });
        before_kill();
        node.kill();
        harm(&mut rng);
        node = home.start();
        if let Some(status) = sending.ended() {
            assert!(status.success(), "{}", sending.stderr());
            sending = cli.spawn("ingest", &["ingest", input.name(), "--batch", "100"]);
        }
    }
    assert!(sending.wait().success(), "{}", sending.stderr());
    let model = input.model(1);
    check::windows(&cli, &model);
    check::taken(&cli, &model);
    let again = cli.json(&["ingest", input.name()]);
    assert_eq!(
        again["duplicate"], LINES,
        "all of it was taken before: {again}"
    );
    check::windows(&cli, &model);
    check::taken(&cli, &model);
    assert!(blocks_read(home) > 0, "no learner's past left the memory");
    assert!(node.stop().success());
}

/// How often events were read again that had left the memory, since the node's start.
fn blocks_read(home: &Home) -> u64 {
    let (_, metrics) = http::get(&home.url("/metrics")).expect("metrics");
    let name = "homeroom_learner_blocks_read_total ";
    let mut counts = metrics.lines().filter_map(|line| line.strip_prefix(name));
    counts
        .next()
        .map_or(0, |count| count.parse().expect("a number"))
}

#[test]
fn nothing_is_lost_when_a_node_is_killed() {
    let seed = Seed::of("kills::nothing_is_lost_when_a_node_is_killed");
    ingest_with_kills(&home(), &seed, || {}, |_| {});
}

#[test]
fn nothing_is_lost_with_the_checkpoints_tree() {
    let seed = Seed::of("kills::nothing_is_lost_with_the_checkpoints_tree");
    let home = home();
    let tree = home.data().join("checkpoints/sled");
    let harm = |_: &mut Rng| std::fs::remove_dir_all(&tree).expect("a tree to lose");
    ingest_with_kills(&home, &seed, || {}, harm);
}

#[test]
fn nothing_is_lost_with_a_damaged_tree() {
    let seed = Seed::of("kills::nothing_is_lost_with_a_damaged_tree");
    let home = home();
    let tree = home.data().join("checkpoints/sled");
    let harm = |rng: &mut Rng| flip_bytes(&tree, 100, rng);
    ingest_with_kills(&home, &seed, || {}, harm);
}

#[test]
fn nothing_is_lost_right_after_a_checkpoint() {
    let seed = Seed::of("kills::nothing_is_lost_right_after_a_checkpoint");
    let home = home();
    let checkpoint = || drop(home.cli().json(&["cluster", "checkpoint"]));
    ingest_with_kills(&home, &seed, checkpoint, |_| {});
}

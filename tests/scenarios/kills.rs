//! A node is killed repeatedly during an ingest: no accepted event is lost or counted twice.

use fastrand::Rng;
use homeroom_tests::generator::GeneratorSettings;

use crate::harness::scratch::{bytes_in, flip_bytes};
use crate::harness::wait::until;
use crate::harness::{Home, Input, Node, Seed, check, http, whole_number};

const KILLS_USUAL: u64 = 8;
const LINES: u64 = 5_000;
/// Most bytes by which the log grows between two kills, so that the kills spread over the file.
const GROWTH_BYTES_MAX: u64 = 250_000;

fn home() -> Home {
    Home::new(&["--shards", "2"])
        .with("checkpoint.interval", "100ms")
        .with("checkpoint.base_log_bytes", "1MiB")
        .with("log.segment_bytes", "64KiB")
}

/// Few learners, so that their earlier events are evicted.
const LEARNERS_FEW: u32 = 12;
/// Many learners, so that they are passivated and woken again.
const LEARNERS_MANY: u32 = 300;

fn input(home: &Home, seed: &Seed, learners: u32) -> Input {
    let settings = GeneratorSettings {
        lines: LINES,
        learners,
        broken: 0.01,
        seed: seed.seed,
        ..GeneratorSettings::default()
    };
    Input::generate(home, settings)
}

/// Ingests the events of a few learners with kills in between. `harm` damages the data of each
/// killed node. Compares with the model at the end.
fn ingest_with_kills(
    home: &Home,
    seed: &Seed,
    before_kill: impl FnMut(),
    harm: impl FnMut(&mut Rng),
) {
    let input = input(home, seed, LEARNERS_FEW);
    let node = kill_while_it_comes_in(home, &input, seed, before_kill, harm);
    let blocks_read = counted(home, "homeroom_learner_blocks_read_total");
    assert!(blocks_read > 0, "no learner's past left the memory");
    assert!(node.stop().success());
}

fn kill_while_it_comes_in(
    home: &Home,
    input: &Input,
    seed: &Seed,
    mut before_kill: impl FnMut(),
    mut harm: impl FnMut(&mut Rng),
) -> Node {
    let mut rng = seed.rng();
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
    node
}

/// Events that the node counted since its start.
fn counted(home: &Home, name: &str) -> u64 {
    let (_, metrics) = http::get(&home.url("/metrics")).expect("metrics");
    let mut lines = metrics.lines().filter_map(|line| line.split_once(' '));
    let count = lines.find(|(counter, _)| *counter == name);
    count.map_or(0, |(_, count)| count.parse().expect("a number"))
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

#[test]
fn nothing_is_lost_while_learners_come_and_go() {
    let seed = Seed::of("kills::nothing_is_lost_while_learners_come_and_go");
    let home = home().with("memory.passivate_after", "1s");
    let input = input(&home, &seed, LEARNERS_MANY);
    let node = kill_while_it_comes_in(&home, &input, &seed, || {}, |_| {});
    let name = "homeroom_learners_passivated_total";
    until("learners who left", || {
        (counted(&home, name) > 0).then_some(())
    });
    check::windows(&home.cli(), &input.model(1));
    assert!(node.stop().success());
}

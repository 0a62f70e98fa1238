//! Bases: what is left when the checkpoints' tree is lost and the log behind it was purged.

use std::path::PathBuf;

use homeroom_tests::generator::{EventLines, GeneratorSettings};
use homeroom_tests::oracle::SourceCounts;

use crate::harness::events::HOUR_MS;
use crate::harness::scratch::{bytes_in, files};
use crate::harness::wait::until;
use crate::harness::{Home, Input, Seed, check};

/// Enough for two bases of one shard, at a MiB of log each, and for the log behind the first to be purged.
const LINES: u64 = 12_000;
const SEGMENT: &str = "64KiB";

fn segments(home: &Home) -> Vec<PathBuf> {
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "segment");
    files(&home.data().join("log")).into_iter().filter(is_segment).collect()
}

/// Who is there before everybody else, and then never again.
fn silent(number: u32) -> String {
    let at_s = HOUR_MS / 1_000 + i64::from(number);
    let timestamp = prost_types::Timestamp { seconds: at_s, nanos: 0 };
    format!(
        r#"{{"eventId":"s-{number}","userId":"silent-{number}","sessionId":"s","timestamp":"{timestamp}","eventType":"page_view","source":"lms"}}"#
    )
}

#[test]
fn a_lost_tree_is_rebuilt_from_a_base_and_the_log() {
    let seed = Seed::of("bases::a_lost_tree_is_rebuilt_from_a_base_and_the_log");
    let home = Home::new(&["--shards", "1"])
        .with("checkpoint.base_log_bytes", "1MiB")
        .with("checkpoint.interval", "200ms")
        .with("log.segment_bytes", SEGMENT);
    let settings = GeneratorSettings { lines: LINES, learners: 100, seed: seed.seed, ..GeneratorSettings::default() };
    let mut lines: Vec<String> = (0..20).map(silent).collect();
    lines.extend(EventLines::new(settings));
    let input = Input::of(&home, lines);
    let model = input.model(1);

    let node = home.start();
    let first_segment = segments(&home).remove(0);
    let summary = home.cli().json(&["ingest", input.name()]);
    check::summary(&summary, &SourceCounts::default(), &model.counts().total());
    until("bases, and the log behind them purged", || {
        let has_bases = bytes_in(&home.data().join("checkpoints/bases")) > 0;
        (has_bases && !segments(&home).contains(&first_segment)).then_some(())
    });
    check::windows(&home.cli(), &model);
    node.kill();
    std::fs::remove_dir_all(home.data().join("checkpoints/sled")).expect("a tree to lose");

    let node = home.start();
    assert!(home.log().contains("rebuilt from its base"), "{}", home.log());
    check::windows(&home.cli(), &model);
    check::ledger(&home.cli(), &model);
    let again = home.cli().json(&["ingest", input.name()]);
    assert_eq!(again["duplicate"], input.lines.len(), "{again}");
    assert!(node.stop().success());
}

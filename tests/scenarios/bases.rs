//! Bases: recovery when the checkpoint tree is lost and the log was already purged.

use std::path::{Path, PathBuf};

use homeroom_tests::generator::{EventLines, GeneratorSettings};
use serde_json::Value;

use crate::harness::events::HOUR_MS;
use crate::harness::http::get;
use crate::harness::scratch::{bytes_in, flip_byte};
use crate::harness::wait::until;
use crate::harness::{Home, Input, Seed, check};

const LINES: u64 = 6_000;
/// Lengthens the log at little cost for the node. The log then spans several bases, and segments
/// enough that the node purges the first ones.
const NOTE_BYTES: usize = 1_500;

/// The first segment stays longer: it also holds the control plane's few entries.
const SECOND_SEGMENT: &str = "log/0000000000000002.segment";
/// Line before which the silent learners are inserted: the first segment is full by then.
const LINES_BEFORE: usize = 400;

/// An event of a learner with one early event and no later ones.
fn silent(number: u32) -> String {
    let at_s = HOUR_MS / 1_000 + i64::from(number);
    let timestamp = prost_types::Timestamp {
        seconds: at_s,
        nanos: 0,
    };
    format!(
        r#"{{"eventId":"s-{number}","userId":"silent-{number}","sessionId":"s","timestamp":"{timestamp}","eventType":"page_view","source":"lms"}}"#
    )
}

/// Adds a note that no figure depends on. A broken line stays as it is.
fn lengthened(line: &str) -> String {
    let Ok(Value::Object(mut event)) = serde_json::from_str(line) else {
        return line.to_owned();
    };
    event.insert("note".into(), "n".repeat(NOTE_BYTES).into());
    Value::Object(event).to_string()
}

/// A node with short log segments and checkpoints every 200 ms.
fn home(shards: &str, base_log_bytes: &str) -> Home {
    Home::new(&["--shards", shards])
        .with("checkpoint.base_log_bytes", base_log_bytes)
        .with("checkpoint.interval", "200ms")
        .with("ingest.entry_bytes_max", "128KiB")
        .with("log.segment_bytes", "64KiB")
}

fn long_lines(seed: &Seed, lines: u64) -> Vec<String> {
    let settings = GeneratorSettings {
        lines,
        learners: 100,
        seed: seed.seed,
        ..GeneratorSettings::default()
    };
    let lines = EventLines::new(settings);
    lines.map(|line| lengthened(&line)).collect()
}

#[test]
fn a_lost_tree_is_rebuilt_from_a_base_and_the_log() {
    let seed = Seed::of("bases::a_lost_tree_is_rebuilt_from_a_base_and_the_log");
    let home = home("1", "1MiB");
    let mut lines = long_lines(&seed, LINES);
    lines.splice(LINES_BEFORE..LINES_BEFORE, (0..20).map(silent));
    // Two runs give two bases, even with few checkpoints in each. The second run starts with the
    // lines of the first.
    let first = Input::of(&home, lines[..lines.len() / 2].to_vec());
    let before = first.model(1).counts().total();
    let node = home.start();
    home.cli().json(&["ingest", first.name(), "--batch", "50"]);
    let bases = home.data().join("checkpoints/bases");
    until("a base", || (bytes_in(&bases) > 0).then_some(()));
    let model = Input::of(&home, [&first.lines[..], &lines[..]].concat()).model(1);
    let input = Input::of(&home, lines);
    let summary = home.cli().json(&["ingest", input.name(), "--batch", "50"]);
    check::summary(&summary, &before, &model.counts().total());
    until("the log behind them purged", || {
        (!home.data().join(SECOND_SEGMENT).exists()).then_some(())
    });
    check::windows(&home.cli(), &model);
    node.kill();
    std::fs::remove_dir_all(home.data().join("checkpoints/sled")).expect("a tree to lose");

    let node = home.start();
    assert!(
        home.log().contains("rebuilt from its base"),
        "{}",
        home.log()
    );
    check::windows(&home.cli(), &model);
    check::ledger(&home.cli(), &model);
    let again = home.cli().json(&["ingest", input.name()]);
    assert_eq!(again["duplicate"], input.lines.len(), "{again}");
    assert!(node.stop().success());
}

/// Two bases of one file each, and one file of changes for each.
const FILES_LEAST: usize = 4;
const LOSSES: usize = 2;

/// Each kill comes as soon as the bases have been extended by changes, and deletes the tree.
#[test]
fn nothing_is_lost_with_the_tree_where_bases_went_on_by_changes() {
    let seed = Seed::of("bases::nothing_is_lost_with_the_tree_where_bases_went_on_by_changes");
    let home = home("1", "1MiB");
    let input = Input::of(&home, long_lines(&seed, LINES));
    let (mut node, cli) = (home.start(), home.cli());
    let ingest = || cli.spawn("ingest", &["ingest", input.name(), "--batch", "50"]);
    let mut sending = ingest();
    for _ in 0..LOSSES {
        until("bases that went on", || {
            if let Some(status) = sending.ended() {
                assert!(status.success(), "{}", sending.stderr());
                sending = ingest();
            }
            (files(&home, ".base").len() >= FILES_LEAST).then_some(())
        });
        node.kill();
        std::fs::remove_dir_all(home.data().join("checkpoints/sled")).expect("a tree to lose");
        node = home.start();
        let log = home.log();
        assert!(log.contains("rebuilt from its base"), "{log}");
    }
    assert!(sending.wait().success(), "{}", sending.stderr());
    let again = cli.json(&["ingest", input.name()]);
    assert_eq!(again["duplicate"], input.lines.len(), "{again}");
    let model = input.model(1);
    check::windows(&cli, &model);
    check::taken(&cli, &model);
    assert!(node.stop().success());
}

/// Log segments beyond which the node cuts bases early, so that the oldest entries can be purged.
const SEGMENTS_TOO_MANY: usize = 112;

#[test]
fn the_log_stays_short_though_bases_by_what_was_written_never_come() {
    let seed = Seed::of("bases::the_log_stays_short_though_bases_by_what_was_written_never_come");
    let home = home("2", "64GiB");
    let mut first = long_lines(&seed, 6 * LINES);
    // Each half alone makes the log longer than its limit, whatever the size of an entry.
    let second = first.split_off(3 * LINES as usize);
    let node = home.start();
    let ingest = |lines| {
        let input = Input::of(&home, lines);
        home.cli().json(&["ingest", input.name(), "--batch", "50"]);
    };
    ingest(first);
    until("the shards' first entries purged", || {
        (!home.data().join(SECOND_SEGMENT).exists()).then_some(())
    });
    // From here on only the control plane needs the oldest segment.
    ingest(second);
    let segments = || {
        let files = std::fs::read_dir(home.data().join("log")).expect("a log");
        let names = files.map(|file| file.expect("a file").file_name());
        let is_segment = |name: &std::ffi::OsString| name.to_string_lossy().ends_with(".segment");
        names.filter(is_segment).count()
    };
    // Each group's log reaches back to the older of its two bases, and the first segment stays for
    // the control plane. Further events make the burst purgeable.
    let mut number = 0;
    until("a short log", || {
        number += 1;
        ingest(vec![silent(number)]);
        (segments() <= SEGMENTS_TOO_MANY + 2).then_some(())
    });
    assert!(bytes_in(&home.data().join("checkpoints/bases")) > 0);
    assert!(node.stop().success());
}

/// Offset of the shard's own state in a base file. A frame head has 9 bytes: a kind, a length of 4
/// bytes, 4 more. The header's frame comes first, then the head of the state's own frame.
fn own_state_at(base: &Path) -> u64 {
    let bytes = std::fs::read(base).expect("a base");
    let header_bytes: [u8; 4] = bytes[1..5].try_into().expect("a length");
    2 * 9 + u64::from(u32::from_le_bytes(header_bytes))
}

/// The files of shard 0's bases with this suffix, oldest first.
fn files(home: &Home, suffix: &str) -> Vec<PathBuf> {
    let folder = home.data().join("checkpoints/bases/shard-0000");
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.expect("a file").path());
    let mut found: Vec<_> = paths
        .filter(|path| path.to_string_lossy().ends_with(suffix))
        .collect();
    found.sort();
    found
}

/// A base that is damaged while the node runs is detected by the scrubber and cut anew. Bases
/// damaged while the node was down do not keep it from starting.
#[test]
fn a_rotten_base_is_cut_anew() {
    let seed = Seed::of("bases::a_rotten_base_is_cut_anew");
    let home = home("1", "1MiB").with("checkpoint.scrub_interval", "1s");
    let mut lines = long_lines(&seed, 2 * LINES);
    let more = lines.split_off(LINES as usize);
    let node = home.start();
    let input = Input::of(&home, lines.clone());
    home.cli().json(&["ingest", input.name(), "--batch", "50"]);
    let mut harmed = None;
    until("a damaged base renamed", || {
        let oldest = files(&home, ".base").into_iter().next();
        // A newer base may replace the damaged one before the scrubber reads it again.
        if oldest != harmed {
            let base = oldest?;
            flip_byte(&base, bytes_in(&base) / 2).ok()?;
            harmed = Some(base);
        }
        (!files(&home, ".damaged").is_empty()).then_some(())
    });
    until("the damage counted", || {
        let (_, metrics) = get(&home.url("/metrics"))?;
        (!metrics.contains("homeroom_bases_rejected_total 0")).then_some(())
    });
    let model = Input::of(&home, [lines, more.clone()].concat()).model(1);
    let input = Input::of(&home, more);
    home.cli().json(&["ingest", input.name(), "--batch", "50"]);
    until("two bases", || {
        (files(&home, ".base").len() >= 2).then_some(())
    });
    node.kill();

    // First the newest base is damaged, then all; the node then cuts a new one from what sled
    // holds.
    for all in [false, true] {
        let mut harmed = files(&home, ".base");
        if !all {
            harmed.drain(..harmed.len() - 1);
        }
        let harmed = harmed.into_iter().map(|path| {
            flip_byte(&path, own_state_at(&path)).expect("a base to harm");
            let bytes = std::fs::read(&path).expect("a base");
            (path, bytes)
        });
        let harmed: Vec<_> = harmed.collect();
        let node = home.start();
        until("no damaged base in use", || {
            let is_gone = |(path, harmed): &(PathBuf, Vec<u8>)| {
                std::fs::read(path).ok().as_ref() != Some(harmed)
            };
            harmed.iter().all(is_gone).then_some(())
        });
        assert!(!files(&home, ".base").is_empty(), "there is no base");
        check::windows(&home.cli(), &model);
        check::ledger(&home.cli(), &model);
        node.kill();
    }
    assert!(home.start().stop().success());
}

/// A base older than the start of the log: the state after the newest bases were lost while the
/// node was down.
#[test]
fn a_base_behind_the_log_is_made_up_for() {
    let seed = Seed::of("bases::a_base_behind_the_log_is_made_up_for");
    let home = home("1", "1MiB");
    let mut lines = long_lines(&seed, 2 * LINES);
    let more = lines.split_off(LINES as usize);
    let node = home.start();
    let ingest = |lines| {
        let input = Input::of(&home, lines);
        home.cli().json(&["ingest", input.name(), "--batch", "50"]);
    };
    ingest(lines);
    let first = until("a base", || files(&home, ".base").into_iter().next());
    let kept = home.folder().join("kept");
    std::fs::copy(&first, &kept).expect("room");
    ingest(more);
    until("newer ones", || (!first.exists()).then_some(()));
    assert!(node.stop().success());
    std::fs::copy(&kept, &first).expect("room");

    let node = home.start();
    let mut number = 0;
    until("the old base deleted", || {
        number += 1;
        ingest(vec![silent(number)]);
        (!first.exists()).then_some(())
    });
    assert!(files(&home, ".base").len() >= 2);
    assert!(node.stop().success());
}

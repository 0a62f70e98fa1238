//! The entry hash: shown with its index, the same after a replay of the log, and the same on a
//! replica that has other things in memory.

use std::fs;
use std::path::Path;

use homeroom_tests::generator::GeneratorSettings;
use serde_json::Value;

use crate::harness::events::{MINUTE_MS, client};
use crate::harness::passivation::passivate_everyone;
use crate::harness::{Home, Input, Seed, http};

/// Starts until two of them applied exactly the same entries. In between a tick may come.
const TRIES: usize = 20;

/// By shard, then of the control plane: the entry hash, with its index.
fn described(home: &Home) -> Vec<Value> {
    let cluster = home.cli().json(&["cluster", "describe"]);
    let shards = cluster["shards"].as_array().expect("shards");
    let hashes = shards.iter().map(|shard| &shard["entryHash"]);
    let hashes = hashes.chain([&cluster["controlPlaneHash"]]);
    let hashes: Vec<Value> = hashes.cloned().collect();
    assert!(hashes.iter().all(|it| it["sinceIndex"] == 0), "{hashes:?}");
    hashes
}

/// Whether all shards are at the same entries. Those that are have the same hashes.
fn agree(one: &[Value], other: &[Value]) -> bool {
    let pairs = || one.iter().zip(other);
    let mut same = pairs().filter(|(one, other)| one["index"] == other["index"]);
    assert!(same.all(|(one, other)| one == other), "{one:?} {other:?}");
    pairs().all(|(one, other)| one["index"] == other["index"])
}

/// The value of a metric of a shard.
fn metric(home: &Home, name: &str, shard: usize) -> u64 {
    let (_, text) = http::get(&home.url("/metrics")).expect("an answer");
    let series = format!("{name}{{shard=\"{shard}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&series));
    let value = line.unwrap_or_else(|| panic!("no {series}"));
    value.trim().parse().expect("a whole number")
}

fn lesson(seed: &Seed) -> GeneratorSettings {
    GeneratorSettings {
        lines: 3_000,
        learners: 20,
        span_ms: 150 * MINUTE_MS,
        seed: seed.seed,
        ..GeneratorSettings::default()
    }
}

/// Metrics show the index, and the lowest 48 bits of the hash.
fn assert_shown(home: &Home) {
    for _ in 0..TRIES {
        let mut described = described(home);
        described.pop();
        let indexes: Vec<u64> = (0..described.len())
            .map(|shard| metric(home, "homeroom_applied_index", shard))
            .collect();
        let bits: Vec<u64> = (0..described.len())
            .map(|shard| metric(home, "homeroom_entry_hash", shard))
            .collect();
        let table = home.cli().run_plain(&["cluster", "describe"]).stdout;
        let table = String::from_utf8(table).expect("UTF-8");
        if !described
            .iter()
            .zip(&indexes)
            .all(|(it, index)| it["index"] == *index)
        {
            continue;
        }
        for (it, bits) in described.iter().zip(bits) {
            let hash = it["hash"].as_str().expect("a text");
            assert_eq!(hash.len(), 16, "{hash}");
            let number = u64::from_str_radix(hash, 16).expect("hexadecimal digits");
            assert_eq!(bits, number & ((1 << 48) - 1));
            assert!(table.contains(hash), "{table}");
        }
        return;
    }
    panic!("never still");
}

#[test]
fn it_is_the_same_after_a_kill_and_after_a_stop() {
    let seed = Seed::of("entry_hash::it_is_the_same_after_a_kill_and_after_a_stop");
    let home = Home::new(&["--shards", "2"]).with("checkpoint.interval", "200ms");
    let input = Input::generate(&home, lesson(&seed));
    let mut node = home.start();
    let empty = described(&home);
    home.cli().json(&["ingest", input.name()]);
    home.cli().json(&["settings", "set", "retention=2d"]);
    assert_shown(&home);
    let changed = |(empty, it): (&Value, &Value)| empty["hash"] != it["hash"];
    assert!(empty.iter().zip(&described(&home)).all(changed));
    for is_killed in [true, false] {
        let mut tries = 0..TRIES;
        while tries.next().is_some() {
            let before = described(&home);
            if is_killed {
                node.kill();
            } else {
                node.stop();
            }
            node = home.start();
            if agree(&before, &described(&home)) {
                break;
            }
        }
        assert!(!tries.is_empty(), "never still");
    }
}

/// One node passivates its learners and wakes them again. The other gets the log of the first when
/// it is complete, beside a checkpoint from the beginning, and has everything in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_the_same_with_other_things_in_memory() {
    let seed = Seed::of("entry_hash::it_is_the_same_with_other_things_in_memory");
    let busy = Home::new(&["--shards", "2"])
        .with("memory.passivate_after", "1s")
        .with("checkpoint.interval", "200ms");
    busy.start().stop();
    let young = busy.folder().join("young");
    copy(&busy.data(), &young);
    let input = Input::generate(&busy, lesson(&seed));
    let later_ms = input.model(1).newest_ms() + 4 * MINUTE_MS;
    let mut node = busy.start();
    busy.cli().json(&["ingest", input.name()]);
    passivate_everyone(&busy, &client(&busy), later_ms).await;
    busy.cli().json(&["ingest", input.name()]);
    for _ in 0..TRIES {
        let expected = described(&busy);
        node.kill();
        let calm = Home::new(&["--shards", "2"]);
        copy(&young, &calm.data());
        fs::remove_dir_all(calm.data().join("log")).expect("the log of a young node");
        copy(&busy.data().join("log"), &calm.data().join("log"));
        let _node = calm.start();
        if agree(&expected, &described(&calm)) {
            return;
        }
        node = busy.start();
    }
    panic!("never still");
}

/// Copies a folder with all that it holds.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type().expect("a type").is_dir() {
            true => copy(&from, &to),
            false => {
                fs::copy(from, to).expect("a file");
            }
        }
    }
}

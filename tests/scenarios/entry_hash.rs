//! The entry hash: shown with its index, and the same after a replay of the log.

use homeroom_tests::generator::GeneratorSettings;
use serde_json::Value;

use crate::harness::{Home, Input, Seed, http};

/// By shard: what it says about what it applied.
fn described(home: &Home) -> Vec<Value> {
    let cluster = home.cli().json(&["cluster", "describe"]);
    let shards = cluster["shards"].as_array().expect("shards");
    let hashes = shards.iter().map(|shard| {
        assert_eq!(shard["entryHash"]["index"], shard["appliedIndex"]);
        assert_eq!(shard["entryHash"]["sinceIndex"], 0);
        shard["entryHash"].clone()
    });
    hashes.collect()
}

/// The value of a metric of a shard.
fn metric(home: &Home, name: &str, shard: usize) -> u64 {
    let (_, text) = http::get(&home.url("/metrics")).expect("an answer");
    let series = format!("{name}{{shard=\"{shard}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&series));
    let value = line.unwrap_or_else(|| panic!("no {series}"));
    value.trim().parse().expect("a whole number")
}

/// No tick is due within 30 s of the last event, so the restarts apply exactly the same entries.
#[test]
fn it_is_the_same_after_a_kill_and_after_a_stop() {
    let seed = Seed::of("entry_hash::it_is_the_same_after_a_kill_and_after_a_stop");
    let home = Home::new(&["--shards", "2"]).with("checkpoint.interval", "200ms");
    let lesson = GeneratorSettings {
        lines: 3_000,
        learners: 20,
        seed: seed.seed,
        ..GeneratorSettings::default()
    };
    let input = Input::generate(&home, lesson);
    let node = home.start();
    let empty = described(&home);
    home.cli().json(&["ingest", input.name()]);
    let before = described(&home);
    assert!(
        empty
            .iter()
            .zip(&before)
            .all(|(empty, it)| empty["hash"] != it["hash"])
    );
    for (shard, it) in before.iter().enumerate() {
        let hash = it["hash"].as_str().expect("a text");
        assert_eq!(hash.len(), 16, "{hash}");
        let number = u64::from_str_radix(hash, 16).expect("hexadecimal digits");
        let shown = metric(&home, "homeroom_entry_hash", shard);
        assert_eq!(shown, number & ((1 << 48) - 1));
        let index = metric(&home, "homeroom_applied_index", shard);
        assert_eq!(Value::from(index), it["index"]);
    }
    let table = home.cli().run_plain(&["cluster", "describe"]).stdout;
    let table = String::from_utf8(table).expect("UTF-8");
    let mut hashes = before.iter().filter_map(|it| it["hash"].as_str());
    assert!(hashes.all(|hash| table.contains(hash)), "{table}");
    node.kill();
    let node = home.start();
    assert_eq!(described(&home), before, "after a kill");
    node.stop();
    let _node = home.start();
    assert_eq!(described(&home), before, "after a stop");
}

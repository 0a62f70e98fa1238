//! Compares a node with the model, through the output of its command line.

use std::collections::BTreeMap;

use homeroom_tests::oracle::{NaiveModel, SourceCounts, WindowRow, WindowSpec, compare_rows};
use serde_json::Value;

use super::cli::Cli;

/// Differences shown in a failure.
const SHOWN_MAX: usize = 10;

/// The arguments that list all minute windows.
pub const ALL_MINUTES: [&str; 2] = ["windows", "--all"];

/// Every minute of every learner equals the model's, and there is no other.
pub fn windows(cli: &Cli<'_>, model: &NaiveModel) {
    windows_of(cli, model, WindowSpec::MINUTE, &ALL_MINUTES);
}

/// The same for other windows; `arguments` select those of `spec`.
pub fn windows_of(cli: &Cli<'_>, model: &NaiveModel, spec: WindowSpec, arguments: &[&str]) {
    let expected = model.windows(spec);
    assert!(
        !expected.is_empty(),
        "an input without windows tests nothing"
    );
    rows(&expected, cli.lines(arguments));
}

/// The lines hold exactly the expected windows.
pub fn rows(expected: &[WindowRow], got: Vec<String>) {
    let comparison = compare_rows(expected, got);
    let shown = &comparison.differences[..comparison.differences.len().min(SHOWN_MAX)];
    let (count, of) = (comparison.differences.len(), expected.len());
    assert!(
        count == 0,
        "{count} differences in {of} windows:\n{}",
        shown.join("\n")
    );
    assert_eq!(comparison.equal, expected.len());
}

/// The summary of `ingest` counts every line as the model does. `before` is what the model had
/// counted before.
pub fn summary(summary: &Value, before: &SourceCounts, after: &SourceCounts) {
    let whole = |name: &str| {
        summary[name]
            .as_u64()
            .unwrap_or_else(|| panic!("no {name}: {summary}"))
    };
    let dead_lettered: BTreeMap<String, u64> =
        serde_json::from_value(summary["deadLettered"].clone()).expect("counts by reason");
    let dead: u64 = dead_lettered.values().sum();
    let parts = whole("accepted") + whole("duplicate") + whole("shadowed") + dead;
    assert_eq!(whole("received"), parts, "conservation: {summary}");
    let got = (
        whole("received"),
        whole("accepted"),
        whole("duplicate"),
        whole("shadowed"),
    );
    let expected = (
        after.received - before.received,
        after.accepted - before.accepted,
        after.duplicate - before.duplicate,
        after.shadowed - before.shadowed,
    );
    assert_eq!(got, expected, "{summary}");
    let expected: BTreeMap<String, u64> = after
        .dead_lettered
        .iter()
        .map(|(reason, count)| {
            let earlier = before
                .dead_lettered
                .get(reason)
                .copied()
                .unwrap_or_default();
            (reason.name().to_owned(), count - earlier)
        })
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(dead_lettered, expected);
}

/// The node's counters of each source add up, whatever was done with its dead letters since.
pub fn balanced(cli: &Cli<'_>) -> Vec<Value> {
    let summary = cli.json(&["dead-letters", "summary"]);
    let sources = summary["sources"].as_array().expect("sources").clone();
    assert!(!sources.is_empty());
    for source in &sources {
        let whole = |name: &str| source[name].as_u64().expect("a count");
        let parts =
            whole("accepted") + whole("duplicate") + whole("shadowed") + whole("deadLettered");
        assert_eq!(whole("received"), parts, "conservation: {source}");
    }
    sources
}

/// The same where no dead letter was re-driven or discarded: each is stored, or counted as expired.
pub fn conserved(cli: &Cli<'_>) -> Vec<Value> {
    let sources = balanced(cli);
    let summary = cli.json(&["dead-letters", "summary"]);
    for source in &sources {
        let whole = |name: &str| source[name].as_u64().expect("a count");
        let of_source = |group: &&Value| group["source"] == source["source"];
        let groups = summary["groups"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(of_source);
        let kept_or_gone = |group: &Value| group["kept"].as_u64().zip(group["expired"].as_u64());
        let letters: u64 = groups
            .filter_map(kept_or_gone)
            .map(|(kept, gone)| kept + gone)
            .sum();
        assert_eq!(
            whole("deadLettered"),
            letters,
            "each dead letter is kept or counted as gone: {summary}"
        );
    }
    sources
}

/// The node's counters are the model's, source by source.
pub fn ledger(cli: &Cli<'_>, model: &NaiveModel) {
    let got = counters(
        &conserved(cli),
        &[
            "received",
            "accepted",
            "duplicate",
            "conflicting",
            "shadowed",
            "deadLettered",
        ],
    );
    let of = |counts: &SourceCounts| {
        let dead = counts.dead_lettered.values().sum();
        vec![
            counts.received,
            counts.accepted,
            counts.duplicate,
            counts.conflicting,
            counts.shadowed,
            dead,
        ]
    };
    assert_eq!(got, by_source(model, of));
}

/// Accepted, shadowed and refused events equal the model's. Deliveries are not compared.
pub fn taken(cli: &Cli<'_>, model: &NaiveModel) {
    let got = counters(&conserved(cli), &["accepted", "shadowed", "deadLettered"]);
    let of = |counts: &SourceCounts| {
        vec![
            counts.accepted,
            counts.shadowed,
            counts.dead_lettered.values().sum(),
        ]
    };
    assert_eq!(got, by_source(model, of));
}

/// Counters of the model, by source.
fn by_source(
    model: &NaiveModel,
    of: impl Fn(&SourceCounts) -> Vec<u64>,
) -> BTreeMap<String, Vec<u64>> {
    let counts = model.counts();
    let of_source = |(source, counts): (&String, &SourceCounts)| (source.clone(), of(counts));
    counts.by_source.iter().map(of_source).collect()
}

fn counters(sources: &[Value], names: &[&str]) -> BTreeMap<String, Vec<u64>> {
    let row = |source: &Value| {
        let name = source["source"].as_str().expect("a name").to_owned();
        let counts = names
            .iter()
            .map(|name| source[name].as_u64().expect("a count"));
        (name, counts.collect())
    };
    sources.iter().map(row).collect()
}

//! Dead letters, through the command line.

use serde_json::Value;

use super::cli::Cli;

/// All dead letters, newest first.
pub fn all(cli: &Cli<'_>) -> Vec<Value> {
    cli.documents(&["dead-letters", "list", "--limit", "0"])
}

/// The reasons of all dead letters, sorted.
pub fn reasons(cli: &Cli<'_>) -> Vec<String> {
    let letters = all(cli).into_iter();
    let mut reasons: Vec<String> = letters
        .map(|letter| letter["reason"].as_str().expect("a reason").to_owned())
        .collect();
    reasons.sort();
    reasons
}

/// The summary of `dead-letters redrive` with further `arguments`; it must succeed.
pub fn redrive(cli: &Cli<'_>, arguments: &[&str]) -> Value {
    cli.json(&[&["dead-letters", "redrive"], arguments].concat())
}

/// The summary of `dead-letters discard` with further `arguments`; it must succeed.
pub fn discard(cli: &Cli<'_>, arguments: &[&str]) -> Value {
    cli.json(&[&["dead-letters", "discard"], arguments].concat())
}

/// Compares all counts of a re-drive with `expected`, by name; the others must be 0.
#[track_caller]
pub fn assert_counts(summary: &Value, expected: &[(&str, u64)]) {
    for name in [
        "matched",
        "accepted",
        "duplicate",
        "shadowed",
        "deadLettered",
        "cut",
        "passable",
        "retry",
    ] {
        let wanted = expected.iter().find(|(known, _)| *known == name);
        let wanted = wanted.map_or(0, |(_, count)| *count);
        assert_eq!(summary[name], wanted, "{name}: {summary}");
    }
}

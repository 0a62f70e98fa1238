//! Dead letters, as the command line tells of them.

use serde_json::Value;

use super::cli::Cli;

/// All that are kept, newest first.
pub fn all(cli: &Cli<'_>) -> Vec<Value> {
    cli.documents(&["dead-letters", "list", "--limit", "0"])
}

/// The reasons of all that are kept, sorted.
pub fn reasons(cli: &Cli<'_>) -> Vec<String> {
    let letters = all(cli).into_iter();
    let mut reasons: Vec<String> = letters
        .map(|letter| letter["reason"].as_str().expect("a reason").to_owned())
        .collect();
    reasons.sort();
    reasons
}

/// What `dead-letters redrive` tells, which must succeed; `arguments` come after it.
pub fn redrive(cli: &Cli<'_>, arguments: &[&str]) -> Value {
    cli.json(&[&["dead-letters", "redrive"], arguments].concat())
}

/// What `dead-letters discard` tells, which must succeed.
pub fn discard(cli: &Cli<'_>, arguments: &[&str]) -> Value {
    cli.json(&[&["dead-letters", "discard"], arguments].concat())
}

/// A re-drive told of so many letters, by `name`, and of nothing else.
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

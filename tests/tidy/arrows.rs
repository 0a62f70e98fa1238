//! Arrows run one way: who may name whom, between crates and between the node's modules.

use std::{collections::BTreeSet, fs};

use crate::tree::{assert_none, root, sources};

/// By crate: the crates of ours that it may depend on, at run time. Tests may use all.
const CRATES: [(&str, &str, &[&str]); 5] = [
    ("proto", "proto/Cargo.toml", &[]),
    ("core", "node/core/Cargo.toml", &[]),
    (
        "node",
        "node/Cargo.toml",
        &["homeroom-core", "homeroom-proto"],
    ),
    ("client", "client/Cargo.toml", &["homeroom-proto"]),
    (
        "cli",
        "client/cli/Cargo.toml",
        &["homeroom-client", "homeroom-proto"],
    ),
];

/// By module of the node: the modules that it may name. What stands further down names nothing that stands above it.
const MODULES: [(&str, &[&str]); 16] = [
    ("node", &["*"]),
    ("main", &["*"]),
    ("lib", &["*"]),
    // Runs a node, and knows it from outside only.
    ("demo", &["node", "config"]),
    ("http", &["ingress", "route", "observe"]),
    // Dead letters are shown in the form in which they came, and go in again by the door.
    (
        "query",
        &["status", "ingress", "route", "shard", "control", "observe"],
    ),
    ("ingress", &["status", "route", "control", "observe"]),
    // The one table of status codes, for all gRPC doors: knows the errors of what lies behind them.
    ("status", &["shard", "control", "raft"]),
    ("route", &["shard"]),
    ("shard", &["raft", "learner", "store"]),
    ("control", &["raft", "store"]),
    ("raft", &["store"]),
    ("learner", &["store"]),
    ("store", &[]),
    ("observe", &["config"]),
    ("config", &[]),
];

/// Arrows that run against the rule, each with the reason it is still there. To be removed, not added to.
const EXCEPTIONS: [(&str, &str, &str); 0] = [];

#[test]
fn crates_depend_one_way() {
    let mut faults = Vec::new();
    for (name, manifest, allowed) in CRATES {
        let text = fs::read_to_string(root().join(manifest)).expect("the crate's manifest");
        let ours = section(&text, "[dependencies]")
            .map(|line| line.split(['.', ' ', '=']).next().unwrap_or_default())
            .filter(|dependency| dependency.starts_with("homeroom-"));
        for dependency in ours.filter(|dependency| !allowed.contains(dependency)) {
            faults.push(format!("{name} depends on {dependency}"));
        }
    }
    assert_none("crates depend one way", &faults);
}

#[test]
fn modules_of_the_node_depend_one_way() {
    let mut faults = Vec::new();
    let mut needed = BTreeSet::new();
    for file in sources() {
        let Some(inside) = file.path.strip_prefix("node/src/") else {
            continue;
        };
        let module = inside.split('/').next().unwrap_or_default();
        let module = module.strip_suffix(".rs").unwrap_or(module);
        if is_test(inside) {
            continue;
        }
        let Some((_, allowed)) = MODULES.iter().find(|(name, _)| *name == module) else {
            faults.push(format!(
                "{}: {module} is not in the table of modules",
                file.path
            ));
            continue;
        };
        for named in names(&file.text) {
            if named == module || allowed.contains(&"*") || allowed.contains(&&*named) {
                continue;
            }
            match EXCEPTIONS
                .iter()
                .find(|(path, to, _)| *path == file.path && *to == named)
            {
                Some(exception) => {
                    needed.insert(exception);
                }
                None => faults.push(format!("{}: {module} names {named}", file.path)),
            }
        }
    }
    let unneeded = EXCEPTIONS
        .iter()
        .filter(|exception| !needed.contains(exception));
    faults.extend(
        unneeded
            .map(|(path, to, _)| format!("{path} no longer names {to}: take it out of the list")),
    );
    assert_none("modules of the node depend one way", &faults);
}

/// Tests that lie beside what they test may look wherever they need to.
fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// The lines of a manifest's section.
fn section<'t>(text: &'t str, heading: &'t str) -> impl Iterator<Item = &'t str> {
    let after = text
        .lines()
        .skip_while(move |line| *line != heading)
        .skip(1);
    after.take_while(|line| !line.starts_with('['))
}

/// The modules at the crate's root that a source names, by `crate::a`, or `crate::{a, b::c}` over any number of lines.
fn names(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let whole_word =
            !code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
        let rest = &code[at + "crate::".len()..];
        if !whole_word {
            continue;
        }
        match rest.strip_prefix('{') {
            Some(group) => found.extend(heads_of_group(group)),
            None => found.extend(word(rest)),
        }
    }
    found
}

/// The first words of the members of `a, b::{c, d}, e}`.
fn heads_of_group(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let (mut depth, mut at_head) = (0, true);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_head = true,
            _ if letter.is_whitespace() => {}
            _ if at_head && depth == 0 => {
                heads.extend(word(&group[at..]));
                at_head = false;
            }
            _ => {}
        }
    }
    heads
}

/// A module's name; types at the root begin with a capital.
fn word(text: &str) -> Option<String> {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let word = &text[..end.unwrap_or(text.len())];
    word.starts_with(|first: char| first.is_lowercase())
        .then(|| word.to_owned())
}

#[test]
fn names_are_found_in_every_form() {
    let text = "use crate::{\n    control::State,\n    store::{log::{A, B}, checkpoint},\n    raft,\n};\nuse crate::learner::load;\n\
                // crate::query\nfn f() -> crate::shard::Outcome {}";
    let found: Vec<String> = names(text).into_iter().collect();
    assert_eq!(found, ["control", "learner", "raft", "shard", "store"]);
}

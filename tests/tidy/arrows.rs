//! Imports run one way, between crates and between the modules of the node.

use std::{collections::BTreeSet, fs};

use crate::{
    imports::{Crate, code_of, module_of},
    tree::{File, assert_none, root, sources},
};

const CORE: &str = "homeroom_core";
const CLIENT: &str = "homeroom_client";
/// Modules of the node that use the client library: the demo reads its node through the public
/// surface (ADR 14).
const CLIENT_USERS: [&str; 1] = ["demo"];

/// Each crate, its manifest, and the project's crates that it may depend on at run time.
const CRATES: [(&str, &str, &[&str]); 5] = [
    ("proto", "proto/Cargo.toml", &[]),
    ("core", "node/core/Cargo.toml", &[]),
    (
        "node",
        "node/Cargo.toml",
        &["homeroom-client", "homeroom-core", "homeroom-proto"],
    ),
    ("client", "client/Cargo.toml", &["homeroom-proto"]),
    (
        "cli",
        "client/cli/Cargo.toml",
        &["homeroom-client", "homeroom-proto"],
    ),
];

/// What a module of the node may import.
struct Module {
    name: &'static str,
    /// Whether it may name `homeroom_core`: what the events mean.
    core: bool,
    /// The modules of the node that it may name; `*` for all.
    node: &'static [&'static str],
}

const fn module(name: &'static str, core: bool, node: &'static [&'static str]) -> Module {
    Module { name, core, node }
}

/// A module names none that stands above it here.
const MODULES: [Module; 19] = [
    module("node", true, &["*"]),
    module("main", false, &["*"]),
    module("lib", false, &["*"]),
    // Runs a node, and reads it through its public surface only.
    module("demo", true, &["node", "config"]),
    module(
        "http",
        true,
        &["ingress", "route", "observe", "connections"],
    ),
    // Counts and closes connections, whatever they carry.
    module("connections", false, &["observe"]),
    // Shows dead letters in the form in which they were sent, and re-drives them.
    module(
        "query",
        true,
        &["status", "ingress", "route", "shard", "control", "observe"],
    ),
    module(
        "ingress",
        true,
        &["status", "route", "control", "observe", "clock"],
    ),
    // Maps the errors of all gRPC services to status codes.
    module("status", true, &["shard", "control", "raft"]),
    module("route", true, &["shard", "fan_in"]),
    module(
        "shard",
        true,
        &["raft", "learner", "store", "fan_in", "clock"],
    ),
    module("control", true, &["raft", "store", "clock"]),
    module("raft", false, &["store", "clock"]),
    module("learner", true, &["store", "fan_in"]),
    module("store", false, &[]),
    // Tells the time, whatever is dated by it.
    module("clock", false, &[]),
    // Collects answers, of whatever kind.
    module("fan_in", false, &[]),
    module("observe", true, &["config"]),
    module("config", true, &[]),
];

/// Imports that break the rule, each with the reason. To be removed, not added to.
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
    let node = Crate::read("node/src");
    for (_, file) in node.files() {
        let inside = file.path.trim_start_matches("node/src/");
        let name = inside.split('/').next().unwrap_or_default();
        let name = name.strip_suffix(".rs").unwrap_or(name);
        let Some(module) = MODULES.iter().find(|module| module.name == name) else {
            faults.push(format!("{}: {name} is not in the table", file.path));
            continue;
        };
        for imported in imported(&node, file) {
            let allowed = match &*imported {
                CORE => module.core,
                CLIENT => CLIENT_USERS.contains(&name),
                other => other == name || ["*", other].iter().any(|to| module.node.contains(to)),
            };
            if allowed {
                continue;
            }
            let mut known = EXCEPTIONS.iter();
            match known.find(|(path, to, _)| *path == file.path && *to == imported) {
                Some(exception) => {
                    needed.insert(exception);
                }
                None => faults.push(format!("{}: {name} names {imported}", file.path)),
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

/// A model that asks the code it checks for the answer finds nothing.
#[test]
fn the_model_and_the_generator_know_none_of_our_crates() {
    let mut faults = Vec::new();
    for file in sources() {
        let is_independent = |folder: &str| file.path.starts_with(folder);
        if !["tests/src/oracle/", "tests/src/generator/"]
            .into_iter()
            .any(is_independent)
        {
            continue;
        }
        let code = code_of(&file.text);
        let named = [
            CORE,
            CLIENT,
            "homeroom_node",
            "homeroom_proto",
            "crate::rig",
        ]
        .into_iter();
        let named = named.filter(|name| code.contains(name));
        faults.extend(named.map(|name| format!("{} names {name}", file.path)));
    }
    assert_none("the model and the generator stand alone", &faults);
}

/// The modules at the crate's root that a file imports from, and the other crates of ours that it
/// names.
fn imported(node: &Crate, file: &File) -> BTreeSet<String> {
    let inside = file.path.trim_start_matches("node/src/");
    let imports = node.imports(&module_of(inside), file);
    let mut found: BTreeSet<String> = imports
        .into_iter()
        .filter_map(|module| module.into_iter().next())
        .collect();
    let code = code_of(&file.text);
    let crates = [CORE, CLIENT].into_iter();
    found.extend(crates.filter(|name| code.contains(name)).map(str::to_owned));
    found
}

/// The lines of a manifest's section.
fn section<'t>(text: &'t str, heading: &'t str) -> impl Iterator<Item = &'t str> {
    let after = text
        .lines()
        .skip_while(move |line| *line != heading)
        .skip(1);
    after.take_while(|line| !line.starts_with('['))
}

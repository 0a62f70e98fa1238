//! No stubs, no ignored tests, no task without an owner.

use std::collections::BTreeSet;

use crate::tree::{assert_none, sources};

/// In two parts each, so that this file does not contain them.
const STUBS: [&str; 4] = [
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
    concat!("#[", "ignore"),
];

/// Allowed matches: file, pattern, reason.
const NO_STUBS: [(&str, &str, &str); 1] = [(
    "node/tests/log/kill.rs",
    STUBS[3],
    "a child process of the test above it: the parent starts it by name",
)];

const BARE_SPAWN: &str = "tokio::spawn(";
/// Types that own the task's handle and abort the task when they are dropped.
const OWNERS: [&str; 1] = ["AbortOnDropHandle::new(tokio::spawn("];

#[test]
fn there_are_no_stubs_and_no_ignored_tests() {
    let mut faults = Vec::new();
    let mut needed = BTreeSet::new();
    for file in sources() {
        for stub in STUBS {
            let lines = file.text.lines().enumerate();
            for (number, _) in lines.filter(|(_, line)| line.contains(stub)) {
                let known = NO_STUBS
                    .iter()
                    .find(|(path, of, _)| *path == file.path && *of == stub);
                match known {
                    Some(known) => {
                        needed.insert(known);
                    }
                    None => faults.push(format!("{}:{}: {stub}", file.path, number + 1)),
                }
            }
        }
    }
    let unneeded = NO_STUBS.iter().filter(|known| !needed.contains(known));
    faults
        .extend(unneeded.map(|(path, stub, _)| {
            format!("{path} no longer has {stub}: take it out of the list")
        }));
    assert_none("no stubs and no ignored tests", &faults);
}

#[test]
fn every_task_has_an_owner() {
    let mut faults = Vec::new();
    for file in sources() {
        let is_ours = ["node/src/", "client/src/", "client/cli/src/"]
            .iter()
            .any(|folder| file.path.starts_with(folder));
        if !is_ours {
            continue;
        }
        for (number, line) in file.text.lines().enumerate() {
            let is_owned = OWNERS.iter().any(|owner| line.contains(owner));
            if line.contains(BARE_SPAWN) && !is_owned {
                faults.push(format!("{}:{}: {BARE_SPAWN}…)", file.path, number + 1));
            }
        }
    }
    assert_none(
        "every task has an owner: a JoinSet, a TaskTracker, or a handle that aborts",
        &faults,
    );
}

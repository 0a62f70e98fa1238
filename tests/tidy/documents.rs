//! Linked files, guards of invariants and files of known defects exist.

use std::{collections::BTreeSet, path::Path};

use crate::tree::{File, assert_none, files, root, sources};

/// Its guards must be tests.
const INVARIANTS: &str = "docs/INVARIANTS.md";
/// Its files must exist.
const KNOWN: &str = "docs/KNOWN.md";

#[test]
fn links_lead_somewhere() {
    let mut faults = Vec::new();
    for page in files(&["md"]) {
        let dir = root().join(&page.path);
        let dir = dir.parent().expect("a file lies in a folder");
        for link in links(&page.text) {
            if !leads_somewhere(dir, link) {
                faults.push(format!("{}: {link}", page.path));
            }
        }
    }
    assert_none("links lead somewhere", &faults);
}

#[test]
fn guards_of_invariants_are_tests() {
    let tests = test_names(&sources());
    let pages = files(&["md"]);
    let page = pages.iter().find(|page| page.path == INVARIANTS);
    let page = page.expect("the page of invariants");
    let guards: Vec<&str> = guards(&page.text).collect();
    assert!(!guards.is_empty(), "{INVARIANTS} names no guard");
    let missing = guards.into_iter().filter(|guard| !tests.contains(*guard));
    let missing: Vec<String> = missing
        .map(|guard| format!("{INVARIANTS}: no test {guard}"))
        .collect();
    assert_none("guards of invariants are tests", &missing);
}

#[test]
fn known_defects_name_files_that_exist() {
    let pages = files(&["md"]);
    let page = pages.iter().find(|page| page.path == KNOWN);
    let page = page.expect("the page of known defects");
    let named: Vec<&str> = named_paths(&page.text).collect();
    assert!(!named.is_empty(), "{KNOWN} names no file");
    let missing = named.into_iter().filter(|path| !root().join(path).exists());
    let missing: Vec<String> = missing
        .map(|path| format!("{KNOWN}: no file {path}"))
        .collect();
    assert_none("known defects name files that exist", &missing);
}

/// Targets of `[text](target)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
}

fn leads_somewhere(dir: &Path, link: &str) -> bool {
    let file = link.split('#').next().unwrap_or_default();
    link.contains("://") || file.is_empty() || dir.join(file).exists()
}

/// On lines that begin with `Guard`: what stands in backticks and is a name of several words.
fn guards(text: &str) -> impl Iterator<Item = &str> {
    let lines = text
        .lines()
        .filter(|line| line.trim_start().starts_with("Guard"));
    let quoted = lines.flat_map(|line| line.split('`').skip(1).step_by(2));
    quoted.filter(|name| name.contains('_') && !name.contains(['/', '.', ' ']))
}

/// Paths in backticks: text with a slash that begins with a folder of the root.
fn named_paths(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|name| {
        let first = name.split_once('/').map(|(first, _)| first);
        first.is_some_and(|first| !first.is_empty() && root().join(first).is_dir())
            && !name.contains([' ', '*', '{'])
    })
}

/// The functions that follow a `#[test]`, or stand in a `proptest!`.
fn test_names(sources: &[File]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in sources {
        let mut after_attribute = false;
        for line in file.text.lines() {
            let line = line.trim_start();
            after_attribute |= line.starts_with("#[test") || line.starts_with("#[tokio::test");
            // In a target with a harness of its own, where the compiler would leave such tests out.
            after_attribute |= line == "// #[test]";
            let name = line
                .strip_prefix("async ")
                .unwrap_or(line)
                .strip_prefix("fn ");
            if let (true, Some(name)) = (after_attribute, name) {
                found.extend(name.split(['(', '<']).next().map(str::to_owned));
                after_attribute = false;
            }
        }
    }
    found
}

//! The rooms of a folder are its files and folders. Their imports form no circle, so that a folder
//! can be read from its top room down. A folder has few files.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    imports::{Crate, ModulePath},
    tree::{assert_none, sources},
};

/// Sources of crates that are held to it.
const CRATES: [&str; 5] = [
    "proto/src",
    "node/core/src",
    "node/src",
    "client/src",
    "client/cli/src",
];

const FILES_MAX: usize = 16;

/// Circles that are still there: a folder, and a room in the circle. Only to be removed.
const CIRCLES: [(&str, &str); 0] = [];

/// By room: the rooms that it imports, each with the files that do.
type Arrows = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

#[test]
fn rooms_of_a_folder_have_no_circle() {
    let mut faults = Vec::new();
    let mut needed = BTreeSet::new();
    for folder in CRATES {
        let sources = Crate::read(folder);
        for parent in sources.parents() {
            let place = [&[folder.to_owned()], &parent[..]].concat().join("/");
            let arrows = arrows(&sources, &parent);
            for room in arrows.keys() {
                let Some(way) = way_back(&arrows, room) else {
                    continue;
                };
                match CIRCLES.iter().find(|known| **known == (&*place, &**room)) {
                    Some(known) => {
                        needed.insert(known);
                    }
                    None => faults.push(format!("{place}: {way}")),
                }
            }
        }
    }
    let unneeded = CIRCLES.iter().filter(|known| !needed.contains(known));
    faults.extend(unneeded.map(|(place, room)| {
        format!("{place}: {room} is in no circle any more: take it out of the list")
    }));
    assert_none("rooms of a folder have no circle", &faults);
}

#[test]
fn a_folder_has_few_files() {
    let mut counts = BTreeMap::<String, usize>::new();
    for file in sources() {
        if let Some((folder, _)) = file.path.rsplit_once('/')
            && !file.path.starts_with("tests/")
            && !file.path.contains("/tests/")
        {
            *counts.entry(folder.to_owned()).or_default() += 1;
        }
    }
    let full = counts.into_iter().filter(|(_, files)| *files > FILES_MAX);
    let full: Vec<String> = full
        .map(|(folder, files)| format!("{folder} has {files} files"))
        .collect();
    assert_none(&format!("folders of at most {FILES_MAX} files"), &full);
}

/// The imports between the rooms of a module. The module's own file is no room: it declares and
/// re-exports.
fn arrows(sources: &Crate, parent: &ModulePath) -> Arrows {
    let room_of = |module: &ModulePath| {
        let below = module.strip_prefix(&parent[..])?;
        below.first().cloned()
    };
    let mut found = Arrows::new();
    for (module, file) in sources.files() {
        let Some(room) = room_of(module) else {
            continue;
        };
        for target in sources.imports(module, file).iter().filter_map(room_of) {
            if target != room {
                let arrow = found.entry(room.clone()).or_default().entry(target);
                arrow.or_default().insert(file.path.clone());
            }
        }
    }
    found
}

/// The shortest way along arrows from a room back to itself, with the file of each arrow.
fn way_back(arrows: &Arrows, room: &str) -> Option<String> {
    let mut ways = vec![(room.to_owned(), room.to_owned())];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for (at, way) in &ways {
            for (next, files) in arrows.get(at).into_iter().flatten() {
                let file = files.first().map(String::as_str).unwrap_or_default();
                let way = format!("{way} → {next} ({file})");
                if next == room {
                    return Some(way);
                }
                if seen.insert(next.clone()) {
                    longer.push((next.clone(), way));
                }
            }
        }
        ways = longer;
    }
    None
}

#[test]
fn circles_are_found() {
    let arrow = |to: &str| BTreeMap::from([(to.to_owned(), BTreeSet::from(["f".to_owned()]))]);
    let chain = [("a", "b"), ("b", "c"), ("c", "b")];
    let arrows: Arrows = chain
        .iter()
        .map(|(from, to)| ((*from).to_owned(), arrow(to)))
        .collect();
    assert_eq!(way_back(&arrows, "a"), None);
    assert_eq!(way_back(&arrows, "b").as_deref(), Some("b → c (f) → b (f)"));
}

//! Damage to the end of the log of a killed node: everything acknowledged is there, or the node
//! says that it is not.

use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;

use crate::harness::events::{HOUR_MS, accepted, click, client, profile};
use crate::harness::{Home, Seed};

const EVENTS: u64 = 16;
/// Most bytes at the end of the log that are damaged.
const DAMAGED_MAX: usize = 1_500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_to_what_was_acknowledged_last_is_said() {
    let seed = Seed::of("log_end::damage_to_what_was_acknowledged_last_is_said");
    let mut rng = seed.rng();
    let home = Home::new(&["--shards", "1"]);
    let node = home.start();
    let client = client(&home);
    for number in 0..EVENTS {
        let at_ms = HOUR_MS + i64::try_from(number).expect("few") * 1_000;
        accepted(&client, vec![click("ada", &number.to_string(), at_ms)]).await;
    }
    node.kill();
    let kept = home.folder().join("kept");
    copy(&home.data(), &kept);
    for harm in HARMS {
        for _ in 0..3 {
            fs::remove_dir_all(home.data()).expect("a folder");
            copy(&kept, &home.data());
            let damaged = rng.usize(64..=DAMAGED_MAX);
            let what = format!("{}, {damaged} bytes", harm.name);
            (harm.done)(&newest_segment(&home), damaged, &mut rng);
            let mut process = home.spawn("harmed", &[]);
            let status = process.wait();
            let said = process.stderr();
            assert_eq!(status.code(), Some(1), "{what}: {said}");
            assert!(said.contains(".segment) is "), "{what}: {said}");
            assert!(!said.contains("panicked"), "{what}: {said}");
        }
    }
    // The same without damage, and with garbage behind what was acknowledged.
    fs::remove_dir_all(home.data()).expect("a folder");
    copy(&kept, &home.data());
    tear(&newest_segment(&home));
    let node = home.start();
    let found = profile(&client, "ada").await;
    assert_eq!(found.map(|profile| profile.events), Some(EVENTS));
    assert!(node.stop().success());
}

#[test]
fn an_emptied_log_is_said() {
    let home = Home::new(&["--shards", "1"]);
    home.start().kill();
    for file in fs::read_dir(home.data().join("log")).expect("a log") {
        fs::remove_file(file.expect("a file").path()).expect("a file to lose");
    }
    let mut process = home.spawn("emptied", &[]);
    assert_eq!(process.wait().code(), Some(1), "{}", process.stderr());
    let said = process.stderr();
    assert!(said.contains("log"), "{said}");
}

struct Harm {
    name: &'static str,
    done: fn(&Path, usize, &mut Rng),
}

const HARMS: [Harm; 4] = [
    Harm {
        name: "zeros",
        done: |segment, damaged, _| change(segment, |bytes, end| bytes[end - damaged..end].fill(0)),
    },
    Harm {
        name: "garbage",
        done: |segment, damaged, rng| {
            change(segment, |bytes, end| {
                rng.fill(&mut bytes[end - damaged..end])
            });
        },
    },
    Harm {
        name: "cut",
        done: |segment, damaged, _| change(segment, |bytes, end| bytes.truncate(end - damaged)),
    },
    Harm {
        name: "lost",
        done: |segment, _, _| fs::remove_file(segment).expect("a segment to lose"),
    },
];

/// Changes a segment, given the end of its records.
fn change(segment: &Path, change: impl FnOnce(&mut Vec<u8>, usize)) {
    let mut bytes = fs::read(segment).expect("a segment");
    let written = bytes.iter().rposition(|byte| *byte != 0);
    let end = written.expect("records") + 1;
    assert!(end > 2 * DAMAGED_MAX, "events as large as usual");
    change(&mut bytes, end);
    fs::write(segment, bytes).expect("a damaged segment");
}

/// Adds what a write leaves that a crash interrupted.
fn tear(segment: &Path) {
    change(segment, |bytes, end| {
        let begun = end.next_multiple_of(8);
        bytes.resize(bytes.len().max(begun + 100), 0);
        bytes[begun..begun + 100].fill(0x5a);
    });
}

fn newest_segment(home: &Home) -> PathBuf {
    let files = fs::read_dir(home.data().join("log")).expect("a log");
    let paths = files.map(|file| file.expect("a file").path());
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|name| name == "segment");
    paths.filter(is_segment).max().expect("a segment")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("a copied file");
        }
    }
}

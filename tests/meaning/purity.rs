//! The core is pure: no I/O, no clock, no randomness, no order that differs between processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Crates with a runtime, I/O or randomness.
const BANNED_CRATES: [&str; 14] = [
    "tokio",
    "mio",
    "rand",
    "rand_core",
    "fastrand",
    "getrandom",
    "sled",
    "openraft",
    "ractor",
    "tonic",
    "futures",
    "chrono",
    "socket2",
    "parking_lot",
];

/// Names that would make replicas differ, or do I/O.
const BANNED_TEXTS: [&str; 15] = [
    "HashMap",
    "HashSet",
    "RandomState",
    "SystemTime",
    "Instant::now",
    "std::fs",
    "std::net",
    "std::io",
    "std::env",
    "std::process",
    "thread::spawn",
    "println!",
    "print!",
    "dbg!",
    "unsafe ",
];

/// Paths that the core's own clippy.toml must forbid.
const FORBIDDEN_BY_LINT: [&str; 7] = [
    "std::time::SystemTime::now",
    "std::time::Instant::now",
    "std::thread::spawn",
    "std::env::var",
    "std::collections::HashMap",
    "std::collections::HashSet",
    "std::time::SystemTime",
];

const WASM: &str = "wasm32-unknown-unknown";

fn core_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../node/core")
}

fn cargo(arguments: &[&str]) -> Output {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    Command::new(cargo)
        .current_dir(core_dir())
        .args(arguments)
        .output()
        .expect("cargo can be started")
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).expect("the core's sources can be listed") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn it_depends_on_nothing_impure() {
    let tree = cargo(&[
        "tree",
        "--offline",
        "-p",
        "homeroom-core",
        "-e",
        "normal",
        "--prefix",
        "none",
    ]);
    let text = String::from_utf8_lossy(&tree.stdout);
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let crates: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(crates.contains(&"serde"), "not a tree: {text}");
    for name in crates {
        assert!(!BANNED_CRATES.contains(&name), "the core depends on {name}");
        assert!(!name.starts_with("tokio"), "the core depends on {name}");
    }
}

#[test]
fn its_sources_reach_for_nothing_impure() {
    let files = sources(&core_dir().join("src"));
    assert!(files.len() > 20, "only {} files", files.len());
    for file in files {
        let text = fs::read_to_string(&file).expect("a source can be read");
        for banned in BANNED_TEXTS {
            assert!(!text.contains(banned), "{} has {banned}", file.display());
        }
    }
}

#[test]
fn its_lints_forbid_what_is_impure() {
    let lints = fs::read_to_string(core_dir().join("clippy.toml")).expect("it has lints");
    for path in FORBIDDEN_BY_LINT {
        let entry = format!("path = \"{path}\"");
        assert!(lints.contains(&entry), "clippy.toml does not forbid {path}");
    }
}

/// This target has no clock and no disk, so the core can't use them by accident.
#[test]
fn it_builds_where_there_is_no_system() {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output();
    let sysroot = sysroot.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let target = Path::new(&sysroot.unwrap_or_default())
        .join("lib/rustlib")
        .join(WASM);
    if !target.is_dir() {
        assert!(
            std::env::var_os("CI").is_none(),
            "the target {WASM} is not installed: rustup target add {WASM}"
        );
        println!("skipped: the target {WASM} is not installed");
        return;
    }
    let target_dir = core_dir().join("../../target/purity");
    let build = cargo(&[
        "build",
        "--offline",
        "-p",
        "homeroom-core",
        "--target",
        WASM,
        "--target-dir",
        &target_dir.to_string_lossy(),
    ]);
    assert!(
        build.status.success(),
        "{}",
        String::from_utf8_lossy(&build.stderr)
    );
}

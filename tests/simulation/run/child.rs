//! A process that runs one seed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::bug::Bug;
use crate::scenario;

const SEED: &str = "HOMEROOM_SIMULATION_SEED";
/// Real time within which a run ends, s: none takes a minute.
const ENDS_WITHIN: Duration = Duration::from_secs(600);

/// The bug that the environment puts back.
pub fn bug_of_environment() -> Option<Bug> {
    let name = std::env::var("HOMEROOM_SIMULATION_BUG").ok()?;
    let bug = Bug::of_name(&name);
    Some(bug.unwrap_or_else(|| panic!("no bug is called {name}")))
}

/// Whether this process was started for one seed.
pub fn is_child() -> bool {
    std::env::var_os(SEED).is_some()
}

/// Runs the seed of the environment. A violated invariant ends the process with 1.
pub fn be_child() {
    let seed = std::env::var(SEED).ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| panic!("{SEED} must be a whole number"));
    std::panic::set_hook(Box::new(move |panic| {
        println!("seed {seed}: no part panics: {panic}");
        std::process::exit(1);
    }));
    let ran = scenario::run(seed, bug_of_environment());
    println!("{ran}");
}

/// The library that gives a process its chance and its time; see `fixtures/seeded_chance.c`.
pub struct Shim(PathBuf);

impl Shim {
    /// Compiles it into a folder.
    pub fn compile(folder: &Path) -> Self {
        let library = folder.join("seeded_chance.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/seeded_chance.c");
        let mut compiler = Command::new("cc");
        compiler
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([library.as_os_str(), source.as_ref()]);
        let compiled = compiler.status().expect("a compiler, cc");
        assert!(compiled.success(), "{compiler:?}");
        Self(library)
    }

    /// Runs a seed to its end. Returns its last words; an error when an invariant does not hold.
    pub fn run(&self, seed: u64, bug: Option<Bug>) -> Result<String, String> {
        let mut command = Command::new(std::env::current_exe().expect("its own path"));
        command
            .env(SEED, seed.to_string())
            .env("LD_PRELOAD", &self.0)
            .env_remove("HOMEROOM_SIMULATION_BUG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if let Some(bug) = bug {
            command.env("HOMEROOM_SIMULATION_BUG", bug.name());
        }
        let mut child = command.spawn().expect("a process");
        if !ends(&mut child) {
            child.kill().expect("its own child");
            return Err(format!("seed {seed}: it does not end"));
        }
        let output = child.wait_with_output().expect("an output");
        let words = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        match output.status.success() {
            true => Ok(words),
            false => Err(format!("{words} ({})", output.status)),
        }
    }
}

/// Its output is one line, which fits the pipe.
fn ends(child: &mut Child) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < ENDS_WITHIN {
        if child.try_wait().expect("its own child").is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

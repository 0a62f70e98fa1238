//! The tests of this binary, and a harness for them: each seed is a process, which libtest can't
//! start.

use std::process::ExitCode;
use std::time::Instant;

use super::child::{Shim, bug_of_environment};
use super::seeds;
use crate::bug::Bug;

type Test = fn(&Shim) -> Vec<String>;

const TESTS: [(&str, Test); 2] = [
    (
        "every_seed_holds_and_is_the_same_twice",
        every_seed_holds_and_is_the_same_twice,
    ),
    (
        "every_bug_that_is_put_back_is_found",
        every_bug_that_is_put_back_is_found,
    ),
];

/// Seeds within which each bug is found. Which one finds it changes with the code.
const FOUND_WITHIN: std::ops::Range<u64> = 1..41;

/// Runs the tests whose names contain one of the arguments, or all.
pub fn run_tests() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let filters = || arguments.iter().filter(|it| !it.starts_with('-'));
    let is_wanted = |name: &str| filters().count() == 0 || filters().any(|it| name.contains(it));
    let wanted = || TESTS.into_iter().filter(|(name, _)| is_wanted(name));
    if arguments.iter().any(|argument| argument == "--list") {
        wanted().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    if !has_compiler() {
        assert!(std::env::var_os("CI").is_none(), "cc is not installed");
        println!("skipped: cc is not installed (package gcc)");
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let shim = Shim::compile(folder.path());
    let (begun, mut passed, mut failed) = (Instant::now(), 0, 0);
    println!("\nrunning {} tests", wanted().count());
    for (name, test) in wanted() {
        let faults = test(&shim);
        let is_well = faults.is_empty();
        println!("test {name} ... {}", if is_well { "ok" } else { "FAILED" });
        if is_well { passed += 1 } else { failed += 1 }
    }
    let (word, code) = match failed {
        0 => ("ok", ExitCode::SUCCESS),
        _ => ("FAILED", ExitCode::FAILURE),
    };
    let filtered = TESTS.len() - passed - failed;
    println!(
        "\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; \
         {filtered} filtered out; finished in {:.2}s\n",
        begun.elapsed().as_secs_f64()
    );
    code
}

fn has_compiler() -> bool {
    let mut compiler = std::process::Command::new("cc");
    let asked = compiler.arg("--version").output();
    asked.is_ok_and(|output| output.status.success())
}

// #[test]
fn every_seed_holds_and_is_the_same_twice(shim: &Shim) -> Vec<String> {
    let (seeds, bug, begun) = (seeds::seeds(), bug_of_environment(), Instant::now());
    let failed = seeds::run(shim, &seeds, bug, bug.is_some());
    let minutes = begun.elapsed().as_secs_f64() / 60.0;
    println!(
        "{} seeds, twice each, in {:.1} minutes: {:.0} a minute",
        seeds.len(),
        minutes,
        seeds.len() as f64 / minutes
    );
    failed
}

/// `HOMEROOM_SIMULATION_BUG` shows how each is found.
// #[test]
fn every_bug_that_is_put_back_is_found(shim: &Shim) -> Vec<String> {
    let is_missed = |bug: &Bug| {
        let found = FOUND_WITHIN.filter_map(|seed| shim.run(seed, Some(*bug)).err());
        let words = found.into_iter().next();
        words
            .inspect(|words| println!("{}: {words}", bug.name()))
            .is_none()
    };
    let missed = Bug::ALL.into_iter().filter(is_missed);
    let missed: Vec<String> = missed.map(|bug| bug.name().to_owned()).collect();
    missed.iter().for_each(|bug| println!("not found: {bug}"));
    missed
}

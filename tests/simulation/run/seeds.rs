//! Which seeds are run, and all of them at once.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::child::Shim;
use crate::bug::Bug;

/// Seeds of a usual run.
const USUAL: Range<u64> = 1..51;
/// Seeds that failed once, or had something rare: one a line, and why.
const KEPT: &str = include_str!("../seeds.txt");

/// The seeds of `HOMEROOM_SIMULATION_SEEDS`, `FROM..TO` without the last; else the kept ones and
/// the usual ones.
pub fn seeds() -> Vec<u64> {
    if let Ok(text) = std::env::var("HOMEROOM_SIMULATION_SEEDS") {
        let (from, to) = text.split_once("..").unwrap_or((&text, ""));
        let from = from.parse().expect("FROM..TO");
        return match to {
            "" => vec![from],
            to => (from..to.parse().expect("FROM..TO")).collect(),
        };
    }
    kept().chain(USUAL).collect()
}

fn kept() -> impl Iterator<Item = u64> {
    let lines = KEPT.lines().filter(|line| !line.starts_with('#'));
    let numbers = lines.filter_map(|line| line.split_whitespace().next());
    numbers.map(|number| number.parse().expect("a seed"))
}

/// Runs seeds twice each, as many processes at once as there are processors. Returns what failed.
pub fn run(shim: &Shim, seeds: &[u64], bug: Option<Bug>, ends_at_first: bool) -> Vec<String> {
    let (next, ended) = (AtomicUsize::new(0), AtomicBool::new(false));
    let failed = Mutex::new(Vec::new());
    let work = || {
        while !ended.load(Ordering::Relaxed)
            && let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed))
        {
            if let Err(words) = run_twice(shim, *seed, bug) {
                println!("{words}\n    {}", replay(*seed, bug));
                failed.lock().expect("no panic").push(words);
                ended.fetch_or(ends_at_first, Ordering::Relaxed);
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    failed.into_inner().expect("no panic")
}

fn run_twice(shim: &Shim, seed: u64, bug: Option<Bug>) -> Result<(), String> {
    let (first, second) = (shim.run(seed, bug)?, shim.run(seed, bug)?);
    if first != second {
        return Err(format!("seed {seed} has two traces: {first}; {second}"));
    }
    Ok(())
}

fn replay(seed: u64, bug: Option<Bug>) -> String {
    let bug = bug.map_or(String::new(), |bug| {
        format!("HOMEROOM_SIMULATION_BUG={} ", bug.name())
    });
    format!(
        "{bug}HOMEROOM_SIMULATION_SEEDS={seed} cargo test --package homeroom-tests --test simulation"
    )
}

//! Random tests that can be replayed.

use fastrand::Rng;

/// The value of `HOMEROOM_CASES` at which a test runs exactly its `cases`.
const USUAL_CASES: u64 = 100;

/// Prints, when dropped by a failing test, the command that replays it.
struct Replay<'t> {
    test: &'t str,
    seed: u64,
}

impl Drop for Replay<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", command(self.test, self.seed));
        }
    }
}

/// Runs a property under `cases` seeds; `test` is its path within this binary.
pub fn each_seed(test: &str, cases: u64, property: impl Fn(&mut Rng)) {
    if let Some(seed) = variable("HOMEROOM_SEED") {
        return run(test, seed, &property);
    }
    let share = variable("HOMEROOM_CASES").unwrap_or(USUAL_CASES);
    let count = (cases * share / USUAL_CASES).max(1);
    let first = fastrand::u64(..);
    println!("{count} cases; the first: {}", command(test, first));
    for case in 0..count {
        run(test, first.wrapping_add(case), &property);
    }
}

fn run(test: &str, seed: u64, property: impl Fn(&mut Rng)) {
    let _replay = Replay { test, seed };
    property(&mut Rng::with_seed(seed));
}

fn command(test: &str, seed: u64) -> String {
    format!(
        "seed {seed}: HOMEROOM_SEED={seed} cargo test -p homeroom-tests --test meaning -- --exact {test}"
    )
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{name} must be a whole number, not {text}")))
}

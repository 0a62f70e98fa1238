//! Seeds of random tests, and their repetition.

/// Runs `test` once per seed, and prints the seed that fails.
///
/// `runs_variable` names the environment variable that overrides the number of runs.
pub(super) fn for_seeds(name: &str, runs_variable: &str, runs: u64, test: impl Fn(u64)) {
    if let Some(seed) = number("HOMEROOM_SEED") {
        eprintln!("{name}: replaying seed {seed}");
        return test(seed);
    }
    let runs = number(runs_variable).unwrap_or(runs);
    let first = fastrand::u64(..u64::MAX - runs);
    eprintln!(
        "{name}: seeds {first} and the {} after it",
        runs.saturating_sub(1)
    );
    for seed in first..first + runs {
        let reporter = Reporter { name, seed };
        test(seed);
        std::mem::forget(reporter);
    }
}

pub(super) fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is not a number: {text}")),
    )
}

/// Dropped only when the test panics.
struct Reporter<'a> {
    name: &'a str,
    seed: u64,
}

impl Drop for Reporter<'_> {
    fn drop(&mut self) {
        let Reporter { name, seed } = self;
        let package = env!("CARGO_PKG_NAME");
        eprintln!(
            "{name} failed; replay: \
             HOMEROOM_SEED={seed} cargo test -p {package} --lib checkpoint::tests::{name}"
        );
    }
}

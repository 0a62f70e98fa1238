//! Random scenarios that can be replayed.

use fastrand::Rng;

/// The seed of one test; a failing test prints the command that replays it.
pub struct Seed {
    test: &'static str,
    pub seed: u64,
}

impl Seed {
    /// The seed in `HOMEROOM_SEED`, else a new one. `test` is the test's path within this binary.
    pub fn of(test: &'static str) -> Seed {
        let seed = whole_number("HOMEROOM_SEED").unwrap_or_else(|| fastrand::u64(..));
        Seed { test, seed }
    }

    /// A new generator with this seed.
    pub fn rng(&self) -> Rng {
        Rng::with_seed(self.seed)
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Seed { test, seed } = self;
            eprintln!(
                "seed {seed}: HOMEROOM_SEED={seed} cargo test --workspace --test scenarios -- --exact {test}"
            );
        }
    }
}

/// A number from the environment.
pub fn whole_number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{name} must be a whole number, not {text}")))
}

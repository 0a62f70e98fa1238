//! What all parts of one simulation share: its seed, its time, its trace.

use std::fmt;
use std::hash::{DefaultHasher, Hasher};

use fastrand::Rng;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::bug::Bug;

/// The right wall clock at the start of every simulation, ms since the epoch.
pub const WALL_START_MS: i64 = 1_741_170_312_345;

/// One simulated run.
pub struct Sim {
    pub seed: u64,
    /// A known bug that is put back.
    pub bug: Option<Bug>,
    begun: Instant,
    shows_trace: bool,
    state: Mutex<State>,
}

struct State {
    rng: Rng,
    hasher: DefaultHasher,
    lines: u64,
}

impl Sim {
    pub fn new(seed: u64, bug: Option<Bug>) -> Self {
        Self {
            seed,
            bug,
            begun: Instant::now(),
            shows_trace: std::env::var_os("HOMEROOM_SIMULATION_TRACE").is_some(),
            state: Mutex::new(State {
                rng: Rng::with_seed(seed),
                hasher: DefaultHasher::new(),
                lines: 0,
            }),
        }
    }

    /// A generator of its own for one part.
    pub fn rng(&self) -> Rng {
        self.state.lock().rng.fork()
    }

    /// Simulated time since the start, ns.
    pub fn now_ns(&self) -> i64 {
        i64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(i64::MAX)
    }

    /// Simulated time since the start, ms.
    pub fn now_ms(&self) -> i64 {
        self.now_ns() / 1_000_000
    }

    /// The right wall clock, ms since the epoch.
    pub fn wall_ms(&self) -> i64 {
        WALL_START_MS + self.now_ms()
    }

    pub fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// Adds a line to the trace: what two runs of one seed must have in common.
    pub fn trace(&self, line: fmt::Arguments<'_>) {
        let line = format!("{} {line}", self.now_ns());
        if self.shows_trace {
            eprintln!("{line}");
        }
        let mut state = self.state.lock();
        state.hasher.write(line.as_bytes());
        state.lines += 1;
    }

    /// Lines of the trace, and their hash.
    pub fn traced(&self) -> (u64, u64) {
        let state = self.state.lock();
        (state.lines, state.hasher.finish())
    }

    /// Ends the process: an invariant does not hold.
    pub fn violated(&self, invariant: &str, why: fmt::Arguments<'_>) -> ! {
        println!(
            "seed {} after {} ms: {invariant}: {why}",
            self.seed,
            self.now_ms()
        );
        std::process::exit(1)
    }
}

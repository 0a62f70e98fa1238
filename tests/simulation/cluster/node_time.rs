//! The clocks of one node.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use homeroom_node::clock::TimeSource;

use crate::sim::{Sim, WALL_START_MS};

/// Simulated time since boot, and a wall clock that may be wrong.
pub struct NodeTime {
    sim: Arc<Sim>,
    /// Age of the machine when the simulation begins, ns.
    boot_offset_ns: i64,
    /// The wall clock's error, ms.
    wall_error_ms: AtomicI64,
}

impl NodeTime {
    pub fn new(sim: Arc<Sim>, boot_offset_ns: i64, wall_error_ms: i64) -> Self {
        Self {
            sim,
            boot_offset_ns,
            wall_error_ms: AtomicI64::new(wall_error_ms),
        }
    }

    pub fn set_wall_error_ms(&self, error_ms: i64) {
        self.wall_error_ms.store(error_ms, Ordering::Relaxed);
    }
}

impl TimeSource for NodeTime {
    fn since_boot_ns(&self) -> i64 {
        self.boot_offset_ns + self.sim.now_ns()
    }

    fn wall_ns(&self) -> i64 {
        let error_ms = self.wall_error_ms.load(Ordering::Relaxed);
        (WALL_START_MS + error_ms) * 1_000_000 + self.sim.now_ns()
    }
}

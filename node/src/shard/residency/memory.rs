//! How much memory the active learners of a node use, and the bounds.

use std::sync::atomic::{AtomicU64, Ordering};

/// Idle learners are evicted early when they use more than this fraction (1/4) of `bytes_short`.
/// Below it, activating them again would cost more than the memory is worth.
const MANY: u64 = 4;
/// Above this fraction of the bound, memory is tight.
const TIGHT: (u64, u64) = (7, 8);

/// Sums what all shards of a node report.
#[derive(Debug)]
pub struct LearnerMemory {
    bytes_max: u64,
    bytes_short: u64,
    held: AtomicU64,
    /// Memory of learners whose windows are all settled: they can be stopped.
    idle: AtomicU64,
}

impl LearnerMemory {
    /// Nothing is used yet. Memory is short beyond `bytes_short`, or beyond half of `bytes_max` if
    /// that is less.
    pub fn of(bytes_max: u64, bytes_short: u64) -> Self {
        let (held, idle) = Default::default();
        Self {
            bytes_max,
            bytes_short: bytes_short.min(bytes_max / 2),
            held,
            idle,
        }
    }

    /// Adds to the memory of all learners, bytes; negative when it shrinks.
    pub fn grow(&self, bytes: i64) {
        // Adding a negative number wraps around, which subtracts.
        self.held
            .fetch_add(bytes.cast_unsigned(), Ordering::Relaxed);
    }

    /// Adds to the memory of idle learners, bytes; negative when it shrinks.
    pub fn grow_idle(&self, bytes: i64) {
        self.idle
            .fetch_add(bytes.cast_unsigned(), Ordering::Relaxed);
    }

    /// Memory in use, bytes.
    pub fn used_bytes(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// The bound, bytes.
    pub fn max(&self) -> u64 {
        self.bytes_max
    }

    /// Whether memory is nearly full: learners should evict what need not be in memory.
    pub fn is_tight(&self) -> bool {
        self.used_bytes() > self.bytes_max / TIGHT.1 * TIGHT.0
    }

    /// Whether the bound is exceeded: no event is taken.
    pub fn is_full(&self) -> bool {
        self.used_bytes() > self.bytes_max
    }

    /// Whether memory is short because of idle learners. They should be stopped, and new learners
    /// wait until they are.
    pub fn is_crowded(&self) -> bool {
        let is_short = self.used_bytes() > self.bytes_short;
        is_short && self.idle.load(Ordering::Relaxed) > self.bytes_short / MANY
    }

    /// Whether events that activate learners are taken.
    pub fn has_room(&self) -> bool {
        !self.is_full() && !self.is_crowded()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newcomers_wait_while_the_idle_are_many() {
        let memory = LearnerMemory::of(3_200, 3_000);
        memory.grow(1_600);
        memory.grow_idle(401);
        assert!(memory.has_room(), "it is not short");
        memory.grow(1);
        assert!(memory.is_crowded() && !memory.has_room());
        memory.grow_idle(-1);
        assert!(!memory.is_crowded() && memory.has_room(), "few are idle");
        memory.grow(1_199);
        assert!(!memory.is_tight());
        memory.grow(1);
        assert!(memory.is_tight());
        memory.grow(399);
        assert!(memory.has_room());
        memory.grow(1);
        assert!(!memory.has_room() && memory.is_full());
    }
}

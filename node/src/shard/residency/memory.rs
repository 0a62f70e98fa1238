//! What the active learners of a node take, of what they may.

use std::sync::atomic::{AtomicU64, Ordering};

/// The idle are many when they take a quarter of what is short: fewer are not worth the waking when they come back.
const MANY: u64 = 4;
/// The part of what learners may take from which on it is tight.
const TIGHT: (u64, u64) = (7, 8);

/// Adds up what all shards of a node say.
#[derive(Debug)]
pub struct LearnerMemory {
    bytes_max: u64,
    bytes_short: u64,
    held: AtomicU64,
    /// Of learners whose windows are all settled: they could leave.
    idle: AtomicU64,
}

impl LearnerMemory {
    /// Nothing is taken yet of so many bytes, which are short from so many on, or half of them.
    pub fn of(bytes_max: u64, bytes_short: u64) -> Self {
        let (held, idle) = Default::default();
        Self {
            bytes_max,
            bytes_short: bytes_short.min(bytes_max / 2),
            held,
            idle,
        }
    }

    /// Learners take so much more, or less, bytes.
    pub fn grow(&self, bytes: i64) {
        // Wraps round where it shrinks.
        self.held
            .fetch_add(bytes.cast_unsigned(), Ordering::Relaxed);
    }

    /// Idle learners take so much more, or less, bytes.
    pub fn grow_idle(&self, bytes: i64) {
        self.idle
            .fetch_add(bytes.cast_unsigned(), Ordering::Relaxed);
    }

    /// Bytes.
    pub fn used_bytes(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Bytes.
    pub fn max(&self) -> u64 {
        self.bytes_max
    }

    /// Whether there will soon be no room: learners should let go of what need not be in memory.
    pub fn is_tight(&self) -> bool {
        self.used_bytes() > self.bytes_max / TIGHT.1 * TIGHT.0
    }

    /// Whether there is no room, for whatever comes.
    pub fn is_full(&self) -> bool {
        self.used_bytes() > self.bytes_max
    }

    /// Whether memory is short because of those who are idle: they should leave, and newcomers wait until they have.
    pub fn is_crowded(&self) -> bool {
        let is_short = self.used_bytes() > self.bytes_short;
        is_short && self.idle.load(Ordering::Relaxed) > self.bytes_short / MANY
    }

    /// Whether events may come that make learners active.
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

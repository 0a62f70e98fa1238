//! What the active learners of a node take, of what they may.

use std::sync::atomic::{AtomicU64, Ordering};

/// Many are about to leave when they take a quarter of what is short.
const MANY: u64 = 4;

/// Adds up what all shards of a node say.
#[derive(Debug)]
pub struct LearnerMemory {
    bytes_max: u64,
    bytes_short: u64,
    held: AtomicU64,
    /// Of learners that leave once a checkpoint has stored them.
    leaving: AtomicU64,
}

impl LearnerMemory {
    /// Nothing is taken yet of so many bytes, which are short from so many on, or half of them.
    pub fn of(bytes_max: u64, bytes_short: u64) -> Self {
        let (held, leaving) = Default::default();
        Self {
            bytes_max,
            bytes_short: bytes_short.min(bytes_max / 2),
            held,
            leaving,
        }
    }

    /// Learners take so much more, or less, bytes.
    pub fn grow(&self, bytes: i64) {
        // Wraps round where it shrinks.
        self.held
            .fetch_add(bytes.cast_unsigned(), Ordering::Relaxed);
    }

    /// So much more, or less, is about to leave, bytes.
    pub fn leave(&self, bytes: i64) {
        self.leaving
            .fetch_add(bytes.cast_unsigned(), Ordering::Relaxed);
    }

    /// Bytes.
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Bytes.
    pub fn max(&self) -> u64 {
        self.bytes_max
    }

    /// Whether learners should leave as soon as they may.
    pub fn is_short(&self) -> bool {
        self.held() > self.bytes_short
    }

    /// Whether events may come that make learners active: not beyond the bound, and not while it is short and many are at the door.
    pub fn has_room(&self) -> bool {
        let held = self.held();
        let are_many_leaving = self.leaving.load(Ordering::Relaxed) > self.bytes_short / MANY;
        held <= self.bytes_max && !(self.is_short() && are_many_leaving)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newcomers_wait_while_many_leave() {
        let memory = LearnerMemory::of(3_200, 3_000);
        memory.grow(1_600);
        memory.leave(401);
        assert!(memory.has_room() && !memory.is_short());
        memory.grow(1);
        assert!(memory.is_short());
        assert!(!memory.has_room(), "it is short, and many are at the door");
        memory.leave(-1);
        assert!(memory.has_room(), "few leave: nothing to wait for");
        memory.grow(1_599);
        assert!(memory.has_room());
        memory.grow(1);
        assert!(!memory.has_room(), "full");
    }
}

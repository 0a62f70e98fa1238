//! How much memory the active learners of a node use, the bounds, and what is to be given back.

use std::sync::atomic::{AtomicU64, Ordering};

/// Idle learners are passivated early when they use more than this fraction (1/4) of `bytes_short`.
/// Below it, activating them again would cost more than the memory is worth.
const MANY: u64 = 4;
/// Early passivation aims at this fraction of `bytes_short`, so that it is not due again at once.
const AIM: (u64, u64) = (7, 8);
/// While memory is only short, a learner touched within this time of log time stays, ms. Event time
/// may run faster than the clock (a file is loaded), and then all windows of a learner are settled
/// between two of its events.
const STAYS_MS: i64 = 5_000;
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

/// What idle learners are to give back before their time, the least recently touched first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlyLeave {
    /// To be given back by the node, bytes.
    pub surplus_bytes: u64,
    /// What the node's idle learners use, bytes; each shard gives back its share.
    pub idle_bytes: u64,
    /// A learner touched later than at this log time stays, ms.
    pub untouched_since_ms: i64,
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

    /// Whether memory is short because of idle learners: some of them should leave early.
    pub fn is_crowded(&self) -> bool {
        let is_short = self.used_bytes() > self.bytes_short;
        is_short && self.idle.load(Ordering::Relaxed) > self.bytes_short / MANY
    }

    /// Whether idle learners fill half of what lies between `bytes_short` and `bytes_max`, too:
    /// they leave more slowly than others arrive, so events wait until enough have left.
    pub fn is_pressed(&self) -> bool {
        let halfway = self.bytes_short + (self.bytes_max - self.bytes_short) / 2;
        self.is_crowded() && self.used_bytes() > halfway
    }

    /// What idle learners are to give back early at a log time; `None` while memory is not short.
    pub fn early_leave(&self, now_ms: i64) -> Option<EarlyLeave> {
        let aim = self.bytes_short / AIM.1 * AIM.0;
        self.is_crowded().then(|| EarlyLeave {
            surplus_bytes: self.used_bytes().saturating_sub(aim),
            idle_bytes: self.idle.load(Ordering::Relaxed),
            untouched_since_ms: match self.is_pressed() {
                true => now_ms,
                false => now_ms.saturating_sub(STAYS_MS),
            },
        })
    }

    /// Whether events are taken.
    pub fn has_room(&self) -> bool {
        !self.is_full() && !self.is_pressed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_wait_once_idle_learners_fill_half_of_the_reserve() {
        let memory = LearnerMemory::of(3_200, 3_000);
        memory.grow(1_600);
        memory.grow_idle(401);
        assert!(!memory.is_crowded() && memory.early_leave(0).is_none());
        memory.grow(1);
        assert!(memory.is_crowded() && memory.has_room());
        memory.grow(799);
        assert!(!memory.is_pressed() && memory.has_room());
        memory.grow(1);
        assert!(memory.is_pressed() && !memory.has_room());
        memory.grow_idle(-1);
        assert!(!memory.is_crowded() && memory.has_room(), "few are idle");
        memory.grow(399);
        assert!(!memory.is_tight());
        memory.grow(1);
        assert!(memory.is_tight());
        memory.grow(399);
        assert!(memory.has_room());
        memory.grow(1);
        assert!(!memory.has_room() && memory.is_full());
    }
    #[test]
    fn only_the_surplus_leaves_early_and_no_learner_in_use_before_memory_is_pressed() {
        let memory = LearnerMemory::of(3_200, 1_600);
        memory.grow(1_700);
        memory.grow_idle(1_000);
        let early = memory.early_leave(9_000);
        let expected = EarlyLeave {
            surplus_bytes: 300,
            idle_bytes: 1_000,
            untouched_since_ms: 4_000,
        };
        assert_eq!(early, Some(expected));
        memory.grow(701);
        let early = memory.early_leave(9_000).expect("it is short");
        assert_eq!(
            (early.surplus_bytes, early.untouched_since_ms),
            (1_001, 9_000)
        );
    }
}

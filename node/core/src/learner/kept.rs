//! The estimate of what is kept of a learner beside the blocks of events, in counted bytes.
//! MEANING.md, "Room", has the rule.

use crate::wire::{Put, Reader};

/// Events after which what is kept may be counted again: a count takes as long as tens of events.
const RECOUNT_EVENTS: u64 = 16;
/// The part of the bound by which the estimate has to grow before the next count, if there were
/// fewer events.
const RECOUNT_PART: u64 = 8;
/// The estimate of a learner that was never counted.
const UNKNOWN: u64 = u64::MAX;

/// An upper bound of what is kept of a learner, bytes.
///
/// It grows with each event by the most that the event can add. When it would exceed the bound,
/// what is kept is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    estimate: u64,
    /// The result of the last count.
    counted: u64,
    /// Number of the learner's events at the last count.
    counted_at: u64,
}

impl Kept {
    /// Of a learner that a build without this estimate stored.
    pub const NEVER_COUNTED: Self = Self {
        estimate: UNKNOWN,
        counted: 0,
        counted_at: 0,
    };

    /// Of a learner without events: the id alone is kept.
    pub fn beginning(user_id: &str) -> Self {
        Self {
            estimate: user_id.len() as u64,
            counted: 0,
            counted_at: 0,
        }
    }

    /// Lets the next event that finds no room count what is kept.
    pub fn recount_next(&mut self) {
        self.estimate = UNKNOWN;
        self.counted = 0;
    }

    /// Adds the most that an event can add. Returns false, and adds nothing, if that exceeds the
    /// bound.
    pub fn add(&mut self, most: u64, bound: u64) -> bool {
        let sum = self.estimate.saturating_add(most);
        if sum > bound {
            return false;
        }
        self.estimate = sum;
        true
    }

    /// Whether what is kept may be counted again. `events` is the number of the learner's events.
    pub fn may_recount(&self, events: u64, bound: u64) -> bool {
        let grown = self.estimate.saturating_sub(self.counted);
        grown >= bound / RECOUNT_PART || events.saturating_sub(self.counted_at) >= RECOUNT_EVENTS
    }

    /// Replaces the estimate by a count.
    pub fn recount(&mut self, counted: u64, events: u64) {
        *self = Self {
            estimate: counted,
            counted,
            counted_at: events,
        };
    }

    /// The estimate, bytes.
    pub fn estimate(&self) -> u64 {
        self.estimate
    }

    /// Appends the stored form.
    pub fn put(&self, out: &mut Vec<u8>) {
        out.put_number(self.estimate);
        out.put_number(self.counted);
        out.put_number(self.counted_at);
    }

    /// Reads the stored form.
    pub fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            estimate: from.number()?,
            counted: from.number()?,
            counted_at: from.number()?,
        })
    }
}

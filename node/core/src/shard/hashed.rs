//! What a delivery adds to the entry hash.

use super::outcome::Outcome;
use crate::{Reason, entry_hash::EntryHash, learner::NewPane};

impl EntryHash {
    /// Adds a delivery that no learner accepted.
    #[inline]
    pub(super) fn add_outcome(&mut self, outcome: Outcome) {
        self.add(|chain| chain.add(code_of(outcome)));
    }

    /// Adds an event that its learner accepted, with what it changed there.
    #[inline]
    pub(super) fn add_accepted(&mut self, amends: bool, effect: u64, began: Option<NewPane>) {
        let flags = u64::from(amends) << 8 | u64::from(began.is_some()) << 9;
        self.add(|chain| {
            chain.add(code_of(Outcome::Accepted) | flags);
            chain.add(effect);
            if let Some(pane) = began {
                chain.add_signed(pane.start_ms);
                chain.add_signed(pane.before_ms);
                chain.add_signed(pane.after_ms);
            }
        });
    }
}

/// A number for each outcome: kind, flag and reason.
fn code_of(outcome: Outcome) -> u64 {
    let reason_of = |reason: Reason| (reason as u64 + 1) << 16;
    match outcome {
        Outcome::Accepted => 1,
        Outcome::Duplicate {
            conflicting,
            reason,
        } => 2 | u64::from(conflicting) << 8 | reason.map_or(0, reason_of),
        Outcome::Shadowed => 3,
        Outcome::DeadLettered(reason) => 4 | reason_of(reason),
    }
}

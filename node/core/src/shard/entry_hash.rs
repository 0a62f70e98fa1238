//! The entry hash: what a replica made of its log, in one number.

use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::outcome::Outcome;
use crate::{Reason, chain::Chain, learner::NewPane, wire::NUMBER_BYTES_MAX};

/// The most bytes of an encoded hash.
pub(super) const HASH_BYTES_MAX: usize = 1 + 2 * NUMBER_BYTES_MAX;

/// A hash over every entry that a shard applied, and over what each did: the outcomes, what the
/// events changed in their learners, new panes, closed windows, watermark, settings, dead letters.
///
/// A function of the log alone, whatever a replica has in memory, and however often it makes
/// checkpoints or starts. Replicas that cover the same entries have equal hashes after the same
/// entry. If not, they have diverged, and their hashes differ at every later index too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryHash {
    value: u64,
    /// `None` until the first entry after a state that an earlier build stored without a hash.
    since_index: Option<u64>,
}

/// The hash before the first entry of a log.
impl Default for EntryHash {
    fn default() -> Self {
        Self {
            value: 0,
            since_index: Some(0),
        }
    }
}

/// As shown to people: 16 hexadecimal digits.
impl fmt::Display for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.value)
    }
}

impl EntryHash {
    /// The hash of a state that was stored without one. It begins with the next entry.
    pub(super) fn unknown() -> Self {
        Self {
            value: 0,
            since_index: None,
        }
    }

    /// The hash.
    pub fn value(self) -> u64 {
        self.value
    }

    /// The first entry that it covers; 0 if it covers all of the log. Two hashes can be compared
    /// if this is equal, since replicas may load a state without hash at different entries. `None`
    /// before the first entry after such a state.
    pub fn since_index(self) -> Option<u64> {
        self.since_index
    }

    /// Begins an entry.
    pub(super) fn begin(&mut self, index: u64, bytes: &[u8]) {
        self.since_index.get_or_insert(index);
        self.with(|chain| {
            chain.add(index);
            chain.add(xxh3_64(bytes));
        });
    }

    /// Adds a delivery that no learner accepted.
    #[inline]
    pub(super) fn add_outcome(&mut self, outcome: Outcome) {
        self.with(|chain| chain.add(code_of(outcome)));
    }

    /// Adds an event that its learner accepted, with what it changed there.
    #[inline]
    pub(super) fn add_accepted(&mut self, amends: bool, effect: u64, began: Option<NewPane>) {
        let flags = u64::from(amends) << 8 | u64::from(began.is_some()) << 9;
        self.with(|chain| {
            chain.add(code_of(Outcome::Accepted) | flags);
            chain.add(effect);
            if let Some(pane) = began {
                chain.add_signed(pane.start_ms);
                chain.add_signed(pane.before_ms);
                chain.add_signed(pane.after_ms);
            }
        });
    }

    /// Adds figures of the shard.
    pub(super) fn add_figures(&mut self, figures: &[u64]) {
        self.with(|chain| figures.iter().for_each(|figure| chain.add(*figure)));
    }

    fn with(&mut self, add: impl FnOnce(&mut Chain)) {
        let mut chain = Chain::at(self.value);
        add(&mut chain);
        self.value = chain.value();
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

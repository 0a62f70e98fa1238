//! The entry hash: what a replica made of its log, in one number.

use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::{chain::Chain, wire::NUMBER_BYTES_MAX};

/// The most bytes of an encoded hash.
pub(crate) const HASH_BYTES_MAX: usize = 1 + 3 * NUMBER_BYTES_MAX;

/// A hash over every entry that a replica applied, and over what each did. For a shard: the
/// outcomes, what the events changed in their learners, new panes, closed windows, watermark,
/// settings, dead letters. For the control plane: whether it was refused, and what it founded.
///
/// A function of the log alone, whatever a replica has in memory, and however often it makes
/// checkpoints or starts. Replicas that cover the same entries have equal hashes after the same
/// entry. If not, they have diverged, and their hashes differ at every later index too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryHash {
    value: u64,
    index: u64,
    /// `None` until the first entry after a state that an earlier build stored without a hash.
    since_index: Option<u64>,
}

/// The hash before the first entry of a log.
impl Default for EntryHash {
    fn default() -> Self {
        Self {
            value: 0,
            index: 0,
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
    pub(crate) fn unknown() -> Self {
        Self {
            value: 0,
            index: 0,
            since_index: None,
        }
    }

    /// The hash.
    pub fn value(self) -> u64 {
        self.value
    }

    /// Index of the newest entry that it covers; 0 before the first. Entries of Raft's own are
    /// none.
    pub fn index(self) -> u64 {
        self.index
    }

    /// The first entry that it covers; 0 if it covers all of the log. Two hashes can be compared
    /// if this is equal, since replicas may load a state without hash at different entries. `None`
    /// before the first entry after such a state.
    pub fn since_index(self) -> Option<u64> {
        self.since_index
    }

    /// Begins an entry; `bytes` are the entry as the log has it.
    pub(crate) fn begin(&mut self, index: u64, bytes: &[u8]) {
        self.since_index.get_or_insert(index);
        self.index = index;
        self.add_figures(&[index, xxh3_64(bytes)]);
    }

    /// Adds figures of the state.
    pub(crate) fn add_figures(&mut self, figures: &[u64]) {
        self.add(|chain| figures.iter().for_each(|figure| chain.add(*figure)));
    }

    /// Adds what a function adds.
    #[inline]
    pub(crate) fn add(&mut self, add: impl FnOnce(&mut Chain)) {
        let mut chain = Chain::at(self.value);
        add(&mut chain);
        self.value = chain.value();
    }
}

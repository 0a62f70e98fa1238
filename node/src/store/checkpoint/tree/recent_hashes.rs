//! Hashes of recently written records. A commit that replaces such a record need not read it.

use std::collections::HashMap;
use std::mem;

use xxhash_rust::xxh3::xxh3_128;

/// Records per generation, of all groups together. The two generations together take up to 40 MB.
const GENERATION: usize = 262_144;

/// Hashes of a group's recently written records. A key that may be outdated is forgotten; its
/// record is then read.
#[derive(Debug)]
pub(crate) struct RecentHashes {
    /// Keyed by the 128-bit hash of the stored key, so collisions are negligible.
    newer: HashMap<u128, u64, foldhash::fast::RandomState>,
    older: HashMap<u128, u64, foldhash::fast::RandomState>,
    generation: usize,
}

impl RecentHashes {
    /// The part of one of `groups` groups.
    pub(crate) fn of_one_in(groups: usize) -> Self {
        Self {
            newer: HashMap::default(),
            older: HashMap::default(),
            generation: (GENERATION / groups.max(1)).max(1),
        }
    }

    /// Removes and returns the hash of the record under a key, if known.
    pub(crate) fn take(&mut self, stored_key: &[u8]) -> Option<u64> {
        let key = xxh3_128(stored_key);
        let older = self.older.remove(&key);
        self.newer.remove(&key).or(older)
    }

    /// Stores the hash of the record that a key has from now on. Evicts the older generation once
    /// the newer one is full.
    pub(crate) fn put(&mut self, stored_key: &[u8], hash: u64) {
        if self.newer.len() == self.generation {
            self.older = mem::take(&mut self.newer);
        }
        self.newer.insert(xxh3_128(stored_key), hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARDS: usize = 256;
    const OF_ONE: usize = GENERATION / SHARDS;

    #[test]
    fn what_was_written_last_is_remembered_once() {
        let mut recent = RecentHashes::of_one_in(SHARDS);
        let key = |number: usize| number.to_be_bytes();
        recent.put(&key(0), 7);
        recent.put(&key(0), 8);
        assert_eq!(recent.take(&key(0)), Some(8));
        assert_eq!(recent.take(&key(0)), None);
        for number in 0..3 * OF_ONE {
            recent.put(&key(number), number as u64);
        }
        assert_eq!(recent.take(&key(0)), None, "it is bounded");
        let last = 3 * OF_ONE - 1;
        assert_eq!(recent.take(&key(last)), Some(last as u64));
        assert!(recent.newer.len() + recent.older.len() <= 2 * OF_ONE);
    }

    #[test]
    fn of_two_generations_the_newer_holds() {
        let mut recent = RecentHashes::of_one_in(SHARDS);
        recent.put(b"twice", 1);
        for number in 0..OF_ONE {
            recent.put(&number.to_be_bytes(), 0);
        }
        recent.put(b"twice", 2);
        assert_eq!(recent.take(b"twice"), Some(2));
        assert_eq!(recent.take(b"twice"), None);
    }
}

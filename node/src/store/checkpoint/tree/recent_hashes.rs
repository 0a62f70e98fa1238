//! Hashes of the records that were written last: to write a record anew, its old one need not be read for its hash.

use std::collections::HashMap;
use std::mem;

use xxhash_rust::xxh3::xxh3_128;

/// Records of a generation, of all groups together; there are two. They take up to 40 MB.
const GENERATION: usize = 262_144;

/// Hashes of a group's records, those that were written last. A key counts as forgotten rather than be wrong: then the record is read.
#[derive(Debug)]
pub(crate) struct RecentHashes {
    /// By the hash of the stored key: wide enough that no two keys share one.
    newer: HashMap<u128, u64, foldhash::fast::RandomState>,
    older: HashMap<u128, u64, foldhash::fast::RandomState>,
    generation: usize,
}

impl RecentHashes {
    /// One group's, of so many.
    pub(crate) fn of_one_in(groups: usize) -> Self {
        Self {
            newer: HashMap::default(),
            older: HashMap::default(),
            generation: (GENERATION / groups.max(1)).max(1),
        }
    }

    /// The hash of the record that is in the tree under a key, if it is remembered; no longer from now on.
    pub(crate) fn take(&mut self, stored_key: &[u8]) -> Option<u64> {
        let key = xxh3_128(stored_key);
        let older = self.older.remove(&key);
        self.newer.remove(&key).or(older)
    }

    /// Remembers the hash of the record that a key has in the tree from now on. Forgets what was not written for long.
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

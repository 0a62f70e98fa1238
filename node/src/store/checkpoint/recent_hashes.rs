//! Hashes of the records that were written last: to write a record anew, its old one need not be read for its hash.

use std::collections::HashMap;
use std::mem;

use xxhash_rust::xxh3::xxh3_128;

/// Records of a generation; there are two. 16 shards with 100,000 learners in a lesson write 12,500 records each, over and over.
const GENERATION: usize = 16_384;

/// Hashes of a shard's records, those that were written last. A key counts as forgotten rather than be wrong: then the record is read.
#[derive(Debug, Default)]
pub(super) struct RecentHashes {
    /// By the hash of the stored key: wide enough that no two keys share one.
    newer: HashMap<u128, u64, foldhash::fast::RandomState>,
    older: HashMap<u128, u64, foldhash::fast::RandomState>,
}

impl RecentHashes {
    /// The hash of the record that is in the tree under a key, if it is remembered; no longer from now on.
    pub(super) fn take(&mut self, stored_key: &[u8]) -> Option<u64> {
        let key = xxh3_128(stored_key);
        let older = self.older.remove(&key);
        self.newer.remove(&key).or(older)
    }

    /// Remembers the hash of the record that a key has in the tree from now on. Forgets what was not written for long.
    pub(super) fn put(&mut self, stored_key: &[u8], hash: u64) {
        if self.newer.len() == GENERATION {
            self.older = mem::take(&mut self.newer);
        }
        self.newer.insert(xxh3_128(stored_key), hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_last_is_remembered_once() {
        let mut recent = RecentHashes::default();
        let key = |number: usize| number.to_be_bytes();
        recent.put(&key(0), 7);
        recent.put(&key(0), 8);
        assert_eq!(recent.take(&key(0)), Some(8));
        assert_eq!(recent.take(&key(0)), None);
        for number in 0..3 * GENERATION {
            recent.put(&key(number), number as u64);
        }
        assert_eq!(recent.take(&key(0)), None, "it is bounded");
        let last = 3 * GENERATION - 1;
        assert_eq!(recent.take(&key(last)), Some(last as u64));
        assert!(recent.newer.len() + recent.older.len() <= 2 * GENERATION);
    }

    #[test]
    fn of_two_generations_the_newer_holds() {
        let mut recent = RecentHashes::default();
        recent.put(b"twice", 1);
        for number in 0..GENERATION {
            recent.put(&number.to_be_bytes(), 0);
        }
        recent.put(b"twice", 2);
        assert_eq!(recent.take(b"twice"), Some(2));
        assert_eq!(recent.take(b"twice"), None);
    }
}

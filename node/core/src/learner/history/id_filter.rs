//! A Bloom filter over ids. It excludes most new ids without a search in each block.

use super::fingerprint::Fingerprint;
use crate::learner::compact::vec_bytes;

/// Bits per id when the filter is built. It is rebuilt when half of them are left.
const BITS_PER_ID: usize = 16;
/// From this number of ids on there are hundreds of blocks, which a false hit has to search: then
/// each id has twice the bits.
const MANY_IDS: usize = 1 << 14;
/// The bits of one id are in one cache line.
const BLOCK_WORDS: usize = 8;
const BLOCK_BITS: usize = BLOCK_WORDS * WORD_BITS;
const WORD_BITS: usize = 64;

/// The set of added keys. While the filter is empty, it excludes nothing.
///
/// Its content follows from the added keys. It only speeds up a search that is exact without it.
#[derive(Clone, Debug, Default)]
pub struct IdFilter {
    words: Vec<u64>,
}

impl IdFilter {
    /// Reads a word of each cache line that the next event changes.
    pub fn prefetch(&self) -> u64 {
        self.words.first().copied().unwrap_or_default()
    }

    /// Builds a filter for a number of ids.
    pub fn of(keys: impl Iterator<Item = Fingerprint>, count: usize) -> Self {
        let blocks = wanted_bits(count).div_ceil(BLOCK_BITS).max(1);
        let mut filter = Self {
            words: vec![0; blocks.next_power_of_two() * BLOCK_WORDS],
        };
        keys.for_each(|key| filter.add(key));
        filter
    }

    /// Whether the filter is large enough for a number of ids.
    pub fn has_room(&self, count: usize) -> bool {
        wanted_bits(count) <= 2 * self.words.len() * WORD_BITS
    }

    /// Adds a key, unless the filter is empty.
    pub fn add(&mut self, key: Fingerprint) {
        if let Some((first, bits)) = self.place(key) {
            for bit in bits {
                self.words[first + bit / WORD_BITS] |= 1 << (bit % WORD_BITS);
            }
        }
    }

    /// Whether a key may have been added.
    pub fn may_hold(&self, key: Fingerprint) -> bool {
        let Some((first, bits)) = self.place(key) else {
            return true;
        };
        let set = |bit: usize| self.words[first + bit / WORD_BITS] >> (bit % WORD_BITS) & 1 == 1;
        bits.into_iter().all(set)
    }

    /// Heap memory, bytes.
    pub fn heap_bytes(&self) -> usize {
        vec_bytes(&self.words)
    }

    /// Index of the first word of the key's cache line, and the key's bits in it.
    fn place(&self, key: Fingerprint) -> Option<(usize, [usize; 3])> {
        let blocks = (self.words.len() / BLOCK_WORDS).checked_sub(1)?;
        // Spreads the low bits over the high ones: Fibonacci hashing (Knuth, TAOCP 3, 6.4).
        const PHI: u64 = 0x9E37_79B9_7F4A_7C15;
        let spread = u64::from(key.number()).wrapping_mul(PHI);
        let spread = (spread ^ spread >> 32).wrapping_mul(PHI);
        let block = (spread >> 40) as usize & blocks;
        let bit = |shift: u32| (spread >> shift) as usize % BLOCK_BITS;
        Some((BLOCK_WORDS * block, [bit(4), bit(13), bit(26)]))
    }
}

/// Bits of a new filter for a number of ids.
fn wanted_bits(count: usize) -> usize {
    count * BITS_PER_ID * if count < MANY_IDS { 1 } else { 2 }
}

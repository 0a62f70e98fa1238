//! Tells quickly of most ids that no hour holds them: a new event need not be looked for hour by hour.

use super::IdHash;

/// Bits for each id when the filter is made; it is made anew when half of them are left.
const BITS_PER_ID: usize = 16;
/// One id's bits lie together, in one line of a processor's cache.
const BLOCK_WORDS: usize = 8;
const BLOCK_BITS: usize = BLOCK_WORDS * WORD_BITS;
const WORD_BITS: usize = 64;

/// Which ids there may be. While it is empty, any.
///
/// It follows from the ids that were added, and only ever speeds up what is exact without it.
#[derive(Clone, Debug, Default)]
pub struct IdFilter {
    words: Vec<u64>,
}

impl IdFilter {
    /// Of ids of which there are so many.
    pub fn of(ids: impl Iterator<Item = IdHash>, count: usize) -> Self {
        let blocks = (count * BITS_PER_ID).div_ceil(BLOCK_BITS).max(1);
        let mut filter = Self {
            words: vec![0; blocks.next_power_of_two() * BLOCK_WORDS],
        };
        ids.for_each(|id| filter.add(id));
        filter
    }

    /// Whether it is large enough for so many ids.
    pub fn has_room(&self, count: usize) -> bool {
        count * BITS_PER_ID <= 2 * self.words.len() * WORD_BITS
    }

    /// Adds an id, unless the filter is empty.
    pub fn add(&mut self, id: IdHash) {
        if let Some(first) = self.block(id) {
            for bit in bits(id) {
                self.words[first + bit / WORD_BITS] |= 1 << (bit % WORD_BITS);
            }
        }
    }

    /// Whether an id may have been added.
    pub fn may_hold(&self, id: IdHash) -> bool {
        let Some(first) = self.block(id) else {
            return true;
        };
        let set = |bit: usize| self.words[first + bit / WORD_BITS] >> (bit % WORD_BITS) & 1 == 1;
        bits(id).all(set)
    }

    /// What it takes beside its own fields.
    pub fn heap_bytes(&self) -> usize {
        super::memory::vec_bytes(&self.words)
    }

    /// The first word of an id's block.
    fn block(&self, id: IdHash) -> Option<usize> {
        let blocks = self.words.len() / BLOCK_WORDS;
        let [.., a, b, c, d] = id.0;
        let number = u32::from_be_bytes([a, b, c, d]) as usize;
        Some(BLOCK_WORDS * (number & blocks.checked_sub(1)?))
    }
}

/// An id's three bits in its block.
fn bits(id: IdHash) -> impl Iterator<Item = usize> {
    let [a, b, c, d, e, f, ..] = id.0;
    [[a, b], [c, d], [e, f]]
        .into_iter()
        .map(|pair| usize::from(u16::from_be_bytes(pair)) % BLOCK_BITS)
}

//! NameTable that many of a learner's attempts share: each kept once, as far as it comes again soon.

use crate::learner::compact::{
    memory::{reserve_one, vec_bytes},
    text::Text,
};

/// A name is looked for among so many of the newest; one that is not among them is kept once more.
const LOOKED_THROUGH: usize = 256;
/// Hashes that are compared with one in a few steps of a processor.
const COMPARED_AT_ONCE: usize = 32;

/// Each name has a number.
#[derive(Clone, Debug, Default)]
pub struct NameTable {
    all: Vec<Text>,
    /// Of each name in the order of the numbers: the newest are looked through in one go, since they are in no cache.
    hashes: Vec<u32>,
}

/// The number of a name, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameId(u32);

impl NameId {
    /// No name.
    pub const NONE: Self = Self(u32::MAX);
}

impl NameTable {
    /// A name's number; a new one is kept. Different numbers may stand for the same name.
    pub fn intern(&mut self, name: Option<Text>) -> NameId {
        let Some(name) = name else {
            return NameId::NONE;
        };
        // Its low half.
        let hash = name.hash() as u32;
        let newest = self.hashes.len().saturating_sub(LOOKED_THROUGH);
        let mut before = newest;
        for some in self.hashes[newest..].chunks(COMPARED_AT_ONCE) {
            // Of most pieces all can be told at once.
            if some.contains(&hash) {
                let mut same_hash = (before..).zip(some).filter(|(_, other)| **other == hash);
                if let Some((at, _)) = same_hash.find(|(at, _)| self.all[*at] == name) {
                    return NameId(at as u32);
                }
            }
            before += some.len();
        }
        // A few for each attempt, of which there are at most a million.
        let number = self.all.len() as u32;
        reserve_one(&mut self.all);
        self.all.push(name);
        reserve_one(&mut self.hashes);
        self.hashes.push(hash);
        NameId(number)
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// The name.
    pub fn get(&self, name: NameId) -> Option<&Text> {
        self.all.get(name.0 as usize)
    }

    /// What they take beside their own fields.
    pub fn heap_bytes(&self) -> usize {
        let texts = self.all.iter().map(Text::heap_bytes);
        vec_bytes(&self.all) + vec_bytes(&self.hashes) + texts.sum::<usize>()
    }
}

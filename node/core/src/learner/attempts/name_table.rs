//! Names that attempts of one learner share. Recently used names are stored once.

use crate::learner::compact::{Text, reserve_one, vec_bytes};

/// Number of the newest names that are searched. An older name is stored again.
const LOOKED_THROUGH: usize = 256;
/// Number of hashes that are compared at once, with vector instructions.
const COMPARED_AT_ONCE: usize = 32;

/// Numbered names.
#[derive(Clone, Debug, Default)]
pub struct NameTable {
    all: Vec<Text>,
    /// Hashes of the names, by number. Searched before the names, since they take fewer cache
    /// lines.
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
    /// Returns the name's number, adding the name if it is not among the newest. The same name may
    /// have several numbers.
    pub fn intern(&mut self, name: Option<Text>) -> NameId {
        let Some(name) = name else {
            return NameId::NONE;
        };
        // The low half of the hash.
        let hash = name.hash() as u32;
        let newest = self.hashes.len().saturating_sub(LOOKED_THROUGH);
        let mut before = newest;
        for some in self.hashes[newest..].chunks(COMPARED_AT_ONCE) {
            // Most chunks contain no equal hash and are skipped as a whole.
            if some.contains(&hash) {
                let mut same_hash = (before..).zip(some).filter(|(_, other)| **other == hash);
                if let Some((at, _)) = same_hash.find(|(at, _)| self.all[*at] == name) {
                    return NameId(at as u32);
                }
            }
            before += some.len();
        }
        // At most 3 names for each of a million attempts.
        let number = self.all.len() as u32;
        reserve_one(&mut self.all);
        self.all.push(name);
        reserve_one(&mut self.hashes);
        self.hashes.push(hash);
        NameId(number)
    }

    /// Number of names.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// The name with a number.
    pub fn get(&self, name: NameId) -> Option<&Text> {
        self.all.get(name.0 as usize)
    }

    /// Heap memory, bytes.
    pub fn heap_bytes(&self) -> usize {
        let texts = self.all.iter().map(Text::heap_bytes);
        vec_bytes(&self.all) + vec_bytes(&self.hashes) + texts.sum::<usize>()
    }
}

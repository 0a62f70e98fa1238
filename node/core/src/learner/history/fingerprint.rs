//! What identities are looked for by where they are not in memory.

use crate::learner::compact::key::IdHash;

/// Three bytes of an identity's hash: tell most blocks that hold it from those that don't.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 3]);

impl Fingerprint {
    /// Of an identity.
    pub fn of(id: IdHash) -> Self {
        let [a, b, c, ..] = id.0;
        Self([a, b, c])
    }

    /// As a number.
    pub fn number(self) -> u32 {
        let [a, b, c] = self.0;
        u32::from_be_bytes([0, a, b, c])
    }
}

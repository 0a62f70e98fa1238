//! Short hashes, by which identities are searched in evicted blocks.

use crate::learner::compact::IdHash;

/// Three bytes of an identity's hash. They exclude most blocks that do not contain it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 3]);

impl Fingerprint {
    /// The fingerprint of an identity.
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

//! Count and order-independent hash of a set of records.

use std::fmt;

/// How many records a group has, and the wrapping sum of their hashes.
///
/// A record's own checksum shows a flipped record; the digest shows a lost one, one brought back
/// from the past, or an old version in the place of a new one. It is kept up by adding and taking
/// away single hashes, and compared with a full scan whenever a group is verified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest {
    /// Number of records.
    pub records: u64,
    /// Sum of the records' hashes, modulo 2^64.
    pub hash_sum: u64,
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} records of hash sum {:016x}",
            self.records, self.hash_sum
        )
    }
}

impl Digest {
    pub(super) fn add(&mut self, record_hash: u64) {
        self.records = self.records.wrapping_add(1);
        self.hash_sum = self.hash_sum.wrapping_add(record_hash);
    }

    /// Wraps below zero when the digest was wrong before, which the next verification then reports.
    pub(super) fn remove(&mut self, record_hash: u64) {
        self.records = self.records.wrapping_sub(1);
        self.hash_sum = self.hash_sum.wrapping_sub(record_hash);
    }
}

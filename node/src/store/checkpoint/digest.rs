//! Count and order-independent hash of a set of records.

use std::fmt;

/// Number of a group's records, and the wrapping sum of their hashes.
///
/// A record's own checksum detects a flipped bit. The digest detects a lost record, a record that
/// was brought back, and an old version instead of a new one. Commits update it by adding and
/// removing single hashes; each verification of a group compares it with a full scan.
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

    /// Wraps below zero if the digest was wrong before; the next verification reports it.
    pub(super) fn remove(&mut self, record_hash: u64) {
        self.records = self.records.wrapping_sub(1);
        self.hash_sum = self.hash_sum.wrapping_sub(record_hash);
    }
}

//! Iterates over a group's records in key order.

use super::health::Health;
use super::record::{META_KEY, Record, stored_key};
use super::sled_guard::{SledFault, guarded};
use crate::store::checkpoint::damage::{Damage, Damaged};
use crate::store::group_id::GroupId;

/// The records of one group in key order, each verified. Holds one page of sled in memory.
///
/// A commit during the scan may be visible or not, record by record. The first error ends the scan.
pub struct Scan<'a> {
    records: TreeRecords,
    group: GroupId,
    health: &'a Health,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(
        group: GroupId,
        tree: &sled::Tree,
        from: &[u8],
        health: &'a Health,
    ) -> Scan<'a> {
        let records = TreeRecords::from(group, tree, from);
        Scan {
            records,
            group,
            health,
        }
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<Record, Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(damaged) = self.health.check(self.group) {
            return self.records.end().then_some(Err(damaged));
        }
        match self.records.next()? {
            Ok((record, _)) => Some(Ok(record)),
            Err(ScanFault::Damage(damage)) => Some(Err(damage.of(self.group))),
            Err(ScanFault::Sled(fault)) => Some(Err(self.health.fault(self.group, fault))),
        }
    }
}

/// Why a scan ended early.
#[derive(Debug)]
pub(crate) enum ScanFault {
    Damage(Damage),
    Sled(SledFault),
}

impl ScanFault {
    pub(crate) fn into_damage(self) -> Damage {
        match self {
            ScanFault::Damage(damage) => damage,
            ScanFault::Sled(fault) => fault.into_damage(),
        }
    }
}

/// The records of a tree, with their hashes. The first fault ends the iteration.
pub(crate) struct TreeRecords {
    group: GroupId,
    /// `None` once ended.
    pairs: Option<sled::Iter>,
    last_key: sled::IVec,
}

impl TreeRecords {
    /// The records with keys ≥ `from`.
    pub(crate) fn from(group: GroupId, tree: &sled::Tree, from: &[u8]) -> TreeRecords {
        TreeRecords {
            group,
            pairs: Some(tree.range(stored_key(from)..)),
            last_key: sled::IVec::from(META_KEY),
        }
    }

    /// Ends the iteration. `false` if it had ended before.
    fn end(&mut self) -> bool {
        self.pairs.take().is_some()
    }

    fn load(&mut self, key: sled::IVec, value: sled::IVec) -> Result<(Record, u64), ScanFault> {
        // This also prevents endless loops over damaged pages.
        if key <= self.last_key {
            return Err(ScanFault::Damage(Damage::KeyOrder));
        }
        self.last_key = key.clone();
        Record::load(self.group, key, value).map_err(ScanFault::Damage)
    }
}

impl Iterator for TreeRecords {
    type Item = Result<(Record, u64), ScanFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let pairs = self.pairs.as_mut()?;
        let outcome = match guarded(|| pairs.next().transpose()) {
            Ok(None) => {
                self.pairs = None;
                return None;
            }
            Ok(Some((key, value))) => self.load(key, value),
            Err(fault) => Err(ScanFault::Sled(fault)),
        };
        if outcome.is_err() {
            self.pairs = None;
        }
        Some(outcome)
    }
}

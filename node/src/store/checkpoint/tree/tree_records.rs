//! Iterates over the records of one tree.

use super::record::{META_KEY, Record, stored_key};
use super::sled_guard::{SledFault, guarded};
use crate::store::checkpoint::damage::Damage;
use crate::store::group_id::GroupId;

/// Why a scan ended early.
#[derive(Debug)]
pub(crate) enum ScanFault {
    Damage(Damage),
    Sled(SledFault),
}

impl From<SledFault> for ScanFault {
    fn from(fault: SledFault) -> Self {
        ScanFault::Sled(fault)
    }
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
    pub(crate) fn end(&mut self) -> bool {
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

//! Iterates over a group's records in key order.

use std::sync::Arc;

use super::group_tree::GroupTree;
use super::health::Health;
use super::record::Record;
use super::tree_records::{ScanFault, TreeRecords};
use crate::store::checkpoint::damage::Damaged;
use crate::store::group_id::GroupId;

/// The records of one group in key order, each verified. Holds one page of sled in memory.
///
/// A commit during the scan may be visible or not, record by record. An install during the scan is
/// not visible: all records are those of one tree. The first error ends the scan.
pub struct Scan<'a> {
    records: TreeRecords,
    group: GroupId,
    health: &'a Health,
    /// Keeps the tree from being removed; dropped after `records`.
    _tree: Arc<GroupTree>,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(tree: Arc<GroupTree>, from: &[u8], health: &'a Health) -> Scan<'a> {
        Scan {
            records: TreeRecords::from(tree.group, tree.tree(), from),
            group: tree.group,
            health,
            _tree: tree,
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

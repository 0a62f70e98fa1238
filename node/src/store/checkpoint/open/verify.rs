//! Reads all of a group's tree, and passes it to a visitor.

use super::recovery::RecoveryVisitor;
use super::watchdog::Progress;
use crate::store::checkpoint::tree::group_tree::{GroupTree, Summary};
use crate::store::checkpoint::tree::tree_records::ScanFault;

/// `None` for an empty tree.
pub(super) fn verify(
    tree: &GroupTree,
    visitor: &dyn RecoveryVisitor,
    progress: &Progress,
) -> Result<Option<Summary>, ScanFault> {
    let group = tree.group;
    visitor.begin(group);
    let meta = tree.verify(|key, payload| {
        progress.tick();
        visitor.record(group, key, payload);
    })?;
    visitor.end(group);
    Ok(meta.map(|meta| Summary {
        position: meta.position,
        digest: meta.digest,
    }))
}

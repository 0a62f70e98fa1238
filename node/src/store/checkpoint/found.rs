//! What an open finds of a group, before its recovery.

use crate::store::checkpoint::position::Position;
use crate::store::checkpoint::tree::meta::GroupMeta;
use crate::store::group_id::GroupId;

/// The state that a group's recovery will have, as far as that is known without reading all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundGroup {
    /// The group.
    pub group: GroupId,
    /// Position, digest and caller's bytes of its last checkpoint, or of the base from which it
    /// will be rebuilt; `None` if there is neither. Verified by its own checksum; the records are
    /// not.
    ///
    /// Once they are read and damaged, the recovery may end at an earlier position.
    pub meta: Option<GroupMeta>,
    /// Why it will be rebuilt; `None` if its tree was found.
    pub lost: Option<String>,
}

impl FoundGroup {
    /// The position that was found.
    pub fn position(&self) -> Option<Position> {
        self.meta.as_ref().map(|meta| meta.position)
    }
}

//! What an open tells its caller about each group.

use crate::store::checkpoint::position::Position;
use crate::store::group_id::GroupId;

/// How a group's state was recovered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRecovery {
    /// The group.
    pub group: GroupId,
    /// Where its state comes from.
    pub state: Recovered,
}

/// Where a group's state comes from. The caller replays its log from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered {
    /// The last durable checkpoint, verified.
    Checkpoint {
        /// Where the state stands.
        position: Position,
    },
    /// A base, because the checkpoint was lost or damaged.
    Rebuilt {
        /// The base's position.
        from: Position,
        /// What was wrong with the checkpoint, and with newer bases.
        why: String,
    },
    /// Nothing: there is neither a checkpoint nor a base.
    Empty {
        /// Why there is nothing.
        why: String,
    },
}

impl GroupRecovery {
    /// The position of the state; `None` when it is empty.
    pub fn position(&self) -> Option<Position> {
        match &self.state {
            Recovered::Checkpoint { position } => Some(*position),
            Recovered::Rebuilt { from, .. } => Some(*from),
            Recovered::Empty { .. } => None,
        }
    }
}

/// Sees every record while an open verifies them, so that a caller needs no scan of its own.
///
/// Called from up to [`recovery_threads`](super::options::CheckpointOptions::recovery_threads) threads, one
/// group at a time on each. Slow visitors make a slow start.
pub trait RecoveryVisitor: Send + Sync {
    /// The group's records follow, all of them. What was seen of it before is void: verification
    /// found damage, and begins again on a rebuilt tree.
    fn begin(&self, group: GroupId);

    /// A verified record; keys ascend within a group.
    fn record(&self, group: GroupId, key: &[u8], payload: &[u8]);

    /// That were all records of the group, unless it is begun anew.
    fn end(&self, _group: GroupId) {}
}

/// Looks at nothing.
impl RecoveryVisitor for () {
    fn begin(&self, _group: GroupId) {}

    fn record(&self, _group: GroupId, _key: &[u8], _payload: &[u8]) {}
}

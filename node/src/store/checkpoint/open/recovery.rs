//! The result of an open for each group.

use crate::store::checkpoint::position::Position;
use crate::store::group_id::GroupId;

/// How a group's state was recovered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRecovery {
    /// The group.
    pub group: GroupId,
    /// The source of its state.
    pub state: Recovered,
}

/// The source of a group's state. The caller replays its log from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered {
    /// The last durable checkpoint, verified.
    Checkpoint {
        /// Position of the state.
        position: Position,
    },
    /// A base, because the checkpoint was lost or damaged.
    Rebuilt {
        /// The base's position.
        from: Position,
        /// What was wrong with the checkpoint and with newer bases.
        why: String,
    },
    /// There is neither a checkpoint nor a base.
    Empty {
        /// Why there is none.
        why: String,
    },
}

impl GroupRecovery {
    /// Position of the state; `None` if it is empty.
    pub fn position(&self) -> Option<Position> {
        match &self.state {
            Recovered::Checkpoint { position } => Some(*position),
            Recovered::Rebuilt { from, .. } => Some(*from),
            Recovered::Empty { .. } => None,
        }
    }
}

/// Receives every record while an open verifies it, so that the caller needs no scan of its own.
///
/// Called from up to [`recovery_threads`](super::options::CheckpointOptions::recovery_threads)
/// threads, each with one group at a time. A slow visitor slows down the start.
pub trait RecoveryVisitor: Send + Sync {
    /// All records of the group follow. Records passed before are void: verification found damage,
    /// and starts again with a rebuilt tree.
    fn begin(&self, group: GroupId);

    /// A verified record; keys ascend within a group.
    fn record(&self, group: GroupId, key: &[u8], payload: &[u8]);

    /// The last record of the group was passed, unless the group is begun again.
    fn end(&self, _group: GroupId) {}
}

/// Ignores all records.
impl RecoveryVisitor for () {
    fn begin(&self, _group: GroupId) {}

    fn record(&self, _group: GroupId, _key: &[u8], _payload: &[u8]) {}
}

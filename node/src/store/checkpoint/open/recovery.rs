//! The result of a group's recovery.

use crate::store::checkpoint::position::Position;
use crate::store::group_id::GroupId;

/// How a group's state was recovered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRecovery {
    /// The group.
    pub group: GroupId,
    /// The position that the open had found. The state may be behind it, when it was rebuilt from a
    /// base: see [`Self::to_apply_again`].
    pub found: Option<Position>,
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

impl Recovered {
    /// Position of the state; `None` if it is empty.
    pub fn position(&self) -> Option<Position> {
        match self {
            Recovered::Checkpoint { position } => Some(*position),
            Recovered::Rebuilt { from, .. } => Some(*from),
            Recovered::Empty { .. } => None,
        }
    }
}

impl GroupRecovery {
    /// Position of the state; `None` if it is empty.
    pub fn position(&self) -> Option<Position> {
        self.state.position()
    }

    /// The log that the caller has to apply once more, if it relied on the position found by the
    /// open: behind the first position, up to and including the second. `None` if the state is the
    /// one that was found.
    pub fn to_apply_again(&self) -> Option<(Option<Position>, Position)> {
        let found = self.found?;
        let position = self.position();
        let covers = position.is_some_and(|position| position.covers(&found));
        (!covers).then_some((position, found))
    }
}

/// Receives every record while a recovery verifies it, so that the caller needs no scan of its own.
///
/// Called from one thread for each group that is being recovered. A slow visitor slows down the
/// recovery.
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

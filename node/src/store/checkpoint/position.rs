//! A place in a group's log.

use std::fmt;

use crate::store::fields::Fields;

/// The last log entry contained in a state: everything up to and including it has been applied.
///
/// Log entries are counted from 0, so a position with `index` 0 is *behind* the first entry.
/// "Before the first entry" has no position: it is the `None` of an `Option<Position>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// Raft term of the entry.
    pub term: u64,
    /// Raft id of the leader that proposed the entry in that term.
    pub node: u64,
    /// Index of the entry in its group's log.
    pub index: u64,
}

impl Position {
    pub(super) const ENCODED_BYTES: usize = 24;

    pub(super) fn encode_into(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.term.to_le_bytes());
        out.extend_from_slice(&self.node.to_le_bytes());
        out.extend_from_slice(&self.index.to_le_bytes());
    }

    pub(super) fn decode(fields: &mut Fields<'_>) -> Option<Position> {
        let (term, node, index) = (fields.u64()?, fields.u64()?, fields.u64()?);
        Some(Position { term, node, index })
    }

    /// Whether a state at `self` contains everything that a state at `other` contains.
    ///
    /// Two different entries can't both be committed at one index, so positions with equal indexes
    /// must be equal.
    pub(super) fn covers(&self, other: &Position) -> bool {
        self.index > other.index || self == other
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.term, self.node, self.index)
    }
}

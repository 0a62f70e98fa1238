//! The newest entry of each shard that a request is in, for position tokens.

use std::collections::BTreeMap;

/// An entry of a shard, and the leadership in which it was proposed.
///
/// The order is that of positions: by index. Terms and leaders decide only between equal indexes,
/// where one of them may be unknown (0).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShardPosition {
    /// Index of the entry.
    pub index: u64,
    /// Term in which it was proposed.
    pub term: u64,
    /// Incarnation of the replica that proposed it.
    pub leader: u64,
}

/// Positions by shard. Merging takes the larger one of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions(BTreeMap<u16, ShardPosition>);

impl Positions {
    /// Records that a shard has applied an entry.
    pub fn note(&mut self, shard: u16, position: ShardPosition) {
        let known = self.0.entry(shard).or_default();
        *known = position.max(*known);
    }

    /// The position of each shard.
    pub fn iter(&self) -> impl Iterator<Item = (u16, ShardPosition)> {
        self.0.iter().map(|(&shard, &position)| (shard, position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_index_takes_its_term_and_leader_along() {
        let at = |index, term, leader| ShardPosition {
            index,
            term,
            leader,
        };
        let mut positions = Positions::default();
        for (noted, kept) in [
            (at(7, 2, 5), at(7, 2, 5)),
            (at(6, 9, 9), at(7, 2, 5)),
            (at(7, 0, 0), at(7, 2, 5)),
            (at(8, 1, 3), at(8, 1, 3)),
        ] {
            positions.note(4, noted);
            assert_eq!(positions.iter().collect::<Vec<_>>(), [(4, kept)]);
        }
    }
}

//! Positions: how far the acknowledged history reaches.

use std::collections::BTreeMap;

use homeroom_proto::v1;
use thiserror::Error;

/// A point in the history of a cluster: the largest applied index of each shard, merged from
/// acknowledgements, with the leadership in which that entry was proposed.
///
/// A read with a position returns an answer at least as new.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Empty before the first token.
    cluster_id: String,
    by_shard: BTreeMap<u32, ShardPosition>,
}

/// An entry of a shard. The order is by index; term and leader decide only between equal indexes,
/// where one of them may be unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShardPosition {
    /// Index of the entry.
    pub index: u64,
    /// The term in which it was proposed; 0 when unknown, from a token of an older build.
    pub term: u64,
    /// The replica that proposed it; 0 when unknown. A term may have several leaders: a leadership
    /// is named by both.
    pub leader: u64,
}

/// Positions of two clusters can't be merged.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "a position of cluster `{theirs}` can't be merged into one of cluster `{ours}`: do all endpoints belong to the same cluster?"
)]
pub struct PositionError {
    /// The cluster of the position that was merged into.
    pub ours: String,
    /// The cluster of the other position.
    pub theirs: String,
}

impl Position {
    /// Whether there was no acknowledgement yet.
    pub fn is_empty(&self) -> bool {
        self.by_shard.is_empty()
    }

    /// The cluster it belongs to; empty for an empty position.
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// The applied index of a shard.
    pub fn index(&self, shard: u32) -> Option<u64> {
        self.shard(shard).map(|position| position.index)
    }

    /// The position of a shard.
    pub fn shard(&self, shard: u32) -> Option<ShardPosition> {
        self.by_shard.get(&shard).copied()
    }

    /// Takes the position with the larger index of each shard, with its term and leader. Fails, and
    /// changes nothing, when the other position is of another cluster.
    pub fn merge(&mut self, other: &Self) -> Result<(), PositionError> {
        let shards = other.by_shard.iter();
        let shards = shards.map(|(shard, position)| (*shard, *position));
        self.merge_parts(&other.cluster_id, shards)
    }

    /// Like [`Self::merge`], from a received token.
    pub fn merge_token(&mut self, token: &v1::PositionToken) -> Result<(), PositionError> {
        let shards = token.shards.iter().map(|at| {
            let position = ShardPosition {
                index: at.index,
                term: at.term,
                leader: at.leader,
            };
            (at.shard, position)
        });
        self.merge_parts(&token.cluster_id, shards)
    }

    fn merge_parts(
        &mut self,
        cluster_id: &str,
        shards: impl Iterator<Item = (u32, ShardPosition)>,
    ) -> Result<(), PositionError> {
        if self.cluster_id.is_empty() {
            cluster_id.clone_into(&mut self.cluster_id);
        } else if !cluster_id.is_empty() && self.cluster_id != cluster_id {
            return Err(PositionError {
                ours: self.cluster_id.clone(),
                theirs: cluster_id.to_owned(),
            });
        }
        for (shard, position) in shards {
            let known = self.by_shard.entry(shard).or_default();
            *known = (*known).max(position);
        }
        Ok(())
    }

    /// The token for a read; none for an empty position.
    pub fn to_token(&self) -> Option<v1::PositionToken> {
        if self.is_empty() {
            return None;
        }
        let shards = self.by_shard.iter();
        let shards = shards.map(|(&shard, position)| v1::ShardPosition {
            shard,
            index: position.index,
            term: position.term,
            leader: position.leader,
        });
        Some(v1::PositionToken {
            cluster_id: self.cluster_id.clone(),
            shards: shards.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::btree_map, prelude::*};

    fn position() -> impl Strategy<Value = Position> {
        let at = (0u64..20, 0u64..4, 0u64..4).prop_map(|(index, term, leader)| ShardPosition {
            index,
            term,
            leader,
        });
        btree_map(0u32..8, at, 0..8).prop_map(|by_shard| Position {
            cluster_id: "c".into(),
            by_shard,
        })
    }

    fn merged(left: &Position, right: &Position) -> Position {
        let mut result = left.clone();
        result.merge(right).expect("one cluster");
        result
    }

    proptest! {
        #[test]
        fn merging_is_commutative_associative_and_idempotent(
            a in position(), b in position(), c in position(),
        ) {
            prop_assert_eq!(merged(&a, &b), merged(&b, &a));
            prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
            prop_assert_eq!(merged(&a, &a), a.clone());
        }

        #[test]
        fn merging_never_goes_back(a in position(), b in position()) {
            let both = merged(&a, &b);
            for shard in 0..8 {
                prop_assert_eq!(both.index(shard), a.index(shard).max(b.index(shard)));
            }
        }

        #[test]
        fn a_token_carries_it_whole(a in position()) {
            let mut read = Position::default();
            if let Some(token) = a.to_token() {
                read.merge_token(&token).expect("an empty position takes any");
                prop_assert_eq!(read, a);
            } else {
                prop_assert!(a.is_empty());
            }
        }
    }

    #[test]
    fn the_larger_index_brings_its_own_leadership() {
        let of = |index, term, leader| {
            let position = ShardPosition {
                index,
                term,
                leader,
            };
            let by_shard = BTreeMap::from([(1, position)]);
            let cluster_id = "c".to_owned();
            Position {
                cluster_id,
                by_shard,
            }
        };
        let (before, after) = (of(5, 9, 9), of(6, 1, 2));
        assert_eq!(merged(&before, &after), after);
        let unknown = of(6, 0, 0);
        assert_eq!(merged(&unknown, &after), after, "of equal indexes");
    }

    #[test]
    fn another_cluster_is_refused_and_changes_nothing() {
        let mut ours = Position::default();
        let at = |index| ShardPosition {
            index,
            ..ShardPosition::default()
        };
        let first = ours.merge_parts("a", [(1, at(5))].into_iter());
        first.expect("first");
        let before = ours.clone();
        let error = ours
            .merge_parts("b", [(1, at(9))].into_iter())
            .expect_err("other cluster");
        assert_eq!((error.ours.as_str(), error.theirs.as_str()), ("a", "b"));
        assert_eq!(ours, before);
    }
}

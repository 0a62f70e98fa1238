//! The naive model: every group's content at every position, computed from a seed.

use std::collections::BTreeMap;

use crate::store::checkpoint::{Commit, Position};
use crate::store::group_id::GroupId;

pub(super) type Content = BTreeMap<Vec<u8>, Vec<u8>>;

/// Commit number `n` of a group is at log index `10 n`; number 0 is "nothing committed". Its
/// changes depend on seed, group and number only, so a killed process need not report what it was
/// writing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Model {
    pub(super) seed: u64,
    pub(super) group: GroupId,
    /// Changes in the first commit; they are of three times as many learners.
    pub(super) changes: usize,
    /// Changes in each later commit.
    pub(super) later_changes: usize,
    /// Largest payload in bytes.
    pub(super) payload_bytes_max: usize,
}

impl Model {
    pub(super) fn position(number: u64) -> Position {
        Position {
            term: 1 + number / 4,
            node: 7,
            index: number * 10,
        }
    }

    /// The number of the commit at this position.
    pub(super) fn number(position: Option<Position>) -> u64 {
        let number = position.map_or(0, |position| position.index / 10);
        if let Some(position) = position {
            assert_eq!(
                position,
                Model::position(number),
                "a position without a commit"
            );
        }
        number
    }

    pub(super) fn commit(&self, number: u64) -> Commit {
        let mix = self.seed ^ (u64::from(self.group) << 48) ^ (number << 20);
        let mut random = fastrand::Rng::with_seed(mix);
        let changes = if number == 1 {
            self.changes
        } else {
            self.later_changes
        };
        let changes = (0..changes).map(|_| self.change(&mut random)).collect();
        Commit {
            position: Model::position(number),
            meta: self.meta(number),
            changes,
        }
    }

    pub(super) fn meta(&self, number: u64) -> Vec<u8> {
        format!("core of shard {} at {number}", self.group).into_bytes()
    }

    /// The group's records after commit `number`.
    pub(super) fn content(&self, number: u64) -> Content {
        let mut content = Content::new();
        for number in 1..=number {
            for (key, payload) in self.commit(number).changes {
                match payload {
                    Some(payload) => content.insert(key, payload),
                    None => content.remove(&key),
                };
            }
        }
        content
    }

    fn change(&self, random: &mut fastrand::Rng) -> (Vec<u8>, Option<Vec<u8>>) {
        // Few learners, so that many records are overwritten, some of them twice in one commit.
        let learner = random.usize(..self.changes * 3);
        let hash = (learner as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut key = hash.to_be_bytes().to_vec();
        key.extend_from_slice(format!("learner-{learner}").as_bytes());
        if random.u8(..10) == 0 {
            return (key, None);
        }
        let mut payload = vec![0; random.usize(..=self.payload_bytes_max)];
        random.fill(&mut payload);
        (key, Some(payload))
    }
}

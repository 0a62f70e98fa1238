//! What a node stores of a shard, kept in memory: only bytes go in and come out.

use std::collections::BTreeMap;

use homeroom_core::learner::{HourNumber, Learner, StatePart};
use homeroom_core::shard::ShardState;

/// Stored records, written as checkpoints write them: what changed, each time.
#[derive(Debug, Default)]
pub struct Disk {
    shard: Vec<u8>,
    letters: BTreeMap<u64, Vec<u8>>,
    heads: BTreeMap<String, Vec<u8>>,
    hours: BTreeMap<String, BTreeMap<HourNumber, Vec<u8>>>,
}

impl Disk {
    /// Writes the shard's own record and what changed of its dead letters.
    pub fn save_shard(&mut self, shard: &mut ShardState) {
        for change in shard.dead_letters_mut().take_changes() {
            match change.bytes {
                Some(bytes) => self.letters.insert(change.number, bytes),
                None => self.letters.remove(&change.number),
            };
        }
        self.shard = shard.encode();
    }

    /// Writes what changed of a learner.
    pub fn save_learner(&mut self, learner: &mut Learner) {
        let user_id = learner.user_id().to_owned();
        for change in learner.take_changes() {
            let hours = self.hours.entry(user_id.clone()).or_default();
            match (change.part, change.bytes) {
                (StatePart::Head, Some(bytes)) => {
                    self.heads.insert(user_id.clone(), bytes);
                }
                (StatePart::Head, None) => panic!("a head is never deleted"),
                (StatePart::Hour(number), Some(bytes)) => {
                    hours.insert(number, bytes);
                }
                (StatePart::Hour(number), None) => {
                    hours.remove(&number);
                }
            }
        }
        assert!(!learner.has_changes());
    }

    /// The shard, from its bytes.
    pub fn shard(&self) -> ShardState {
        let letters = self
            .letters
            .iter()
            .map(|(&number, bytes)| (number, bytes.clone()));
        ShardState::restore(&self.shard, letters).expect("what was written can be read")
    }

    /// A learner, from its bytes; `None` of whom nothing is stored.
    pub fn learner(&self, user_id: &str) -> Option<Learner> {
        let head = self.heads.get(user_id)?;
        let hours = self.hours.get(user_id).into_iter().flatten();
        let hours = hours.map(|(&number, bytes)| (number, bytes.as_slice()));
        Some(Learner::restore(user_id, head, hours).expect("what was written can be read"))
    }

    /// Everyone stored.
    pub fn users(&self) -> impl Iterator<Item = &String> {
        self.heads.keys()
    }
}

//! Learners that are gathered while the checkpoints are verified: their records pass by there anyway.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use homeroom_core::learner::StatePart;

use crate::{
    learner::{Gathered, LoadError, Packs, RecordKey, Stored, packed_heads, parse_key},
    store::checkpoint::RecoveryVisitor,
};

/// Collects, by shard, the learners that were active when they were stored: how they stand in their courses is not stored, so they
/// are to be active again before anybody asks.
pub struct WereActive {
    shards: Vec<Mutex<OfShard>>,
}

#[derive(Default)]
struct OfShard {
    learners: Vec<Result<Stored, LoadError>>,
    /// The one whose records pass by.
    present: Option<Gathered>,
    packs: Packs,
    /// Heads from packs, of each learner the newest, whose learners' own records did not pass by yet.
    packed: HashMap<Box<str>, Packed, foldhash::fast::RandomState>,
}

struct Packed {
    number: u32,
    as_of: u64,
    head: Vec<u8>,
}

impl WereActive {
    /// For so many shards.
    pub fn new(shards: u16) -> Self {
        Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
        }
    }

    /// Those of a shard, and in which packs their heads are.
    ///
    /// # Errors
    /// When one of them can't be read.
    pub fn take(&self, shard: u16) -> Result<(Vec<Stored>, Packs), LoadError> {
        let taken = self.with(shard, |of_shard| {
            of_shard.finish();
            std::mem::take(of_shard)
        });
        let OfShard {
            learners, packs, ..
        } = taken.unwrap_or_default();
        let learners: Result<Vec<Stored>, LoadError> = learners.into_iter().collect();
        Ok((learners?, packs))
    }

    fn with<T>(&self, shard: u16, act: impl FnOnce(&mut OfShard) -> T) -> Option<T> {
        let of_shard = self.shards.get(usize::from(shard))?;
        let mut of_shard = of_shard.lock().unwrap_or_else(PoisonError::into_inner);
        Some(act(&mut of_shard))
    }
}

impl RecoveryVisitor for WereActive {
    fn begin(&self, shard: u16) {
        self.with(shard, |of_shard| *of_shard = OfShard::default());
    }

    fn record(&self, shard: u16, key: &[u8], payload: &[u8]) {
        match parse_key(key) {
            Some(RecordKey::Pack(number)) => {
                self.with(shard, |of_shard| of_shard.unpack(number, payload));
            }
            Some(RecordKey::Learner {
                user_id,
                part,
                piece,
            }) => {
                self.with(shard, |of_shard| {
                    of_shard.add(user_id, (part, piece), payload);
                });
            }
            _ => {}
        }
    }
}

impl OfShard {
    /// Packs come before all other records.
    fn unpack(&mut self, number: u32, record: &[u8]) {
        let (as_of, heads) = match packed_heads(number, record) {
            Ok(pack) => pack,
            Err(error) => return self.learners.push(Err(error)),
        };
        self.packs.found(number, heads.len());
        for (user_id, head) in heads {
            let older = self.packed.get(user_id);
            if older.is_none_or(|older| older.as_of < as_of) {
                let head = head.to_vec();
                let packed = Packed {
                    number,
                    as_of,
                    head,
                };
                self.packed.insert(user_id.into(), packed);
            }
        }
    }

    /// Records come in the order of their keys: all of a learner after the first piece of its head, if it has one of its own.
    fn add(&mut self, user_id: &str, (part, piece): (StatePart, u16), payload: &[u8]) {
        let is_present = |present: &&mut Gathered| present.user_id() == user_id;
        if (part, piece) == (StatePart::Head, 0) {
            self.begin(user_id, Some(Gathered::begin(user_id, payload)));
        } else if let Some(present) = self.present.as_mut().filter(is_present) {
            present.add(part, piece, payload);
        } else {
            self.begin(user_id, None);
            if let Some(present) = &mut self.present {
                present.add(part, piece, payload);
            }
        }
    }

    /// Another learner's records follow: of the head among them and that in a pack, the newer one counts.
    fn begin(&mut self, user_id: &str, own: Option<Gathered>) {
        self.finish_present();
        let own_as_of = own.as_ref().map(Gathered::as_of);
        let packed = self.packed.remove(user_id);
        self.present = match packed.filter(|packed| Some(packed.as_of) > own_as_of) {
            Some(packed) => Some(self.of_packed(user_id, packed)),
            None => own.filter(Gathered::was_active),
        };
    }

    fn of_packed(&mut self, user_id: &str, packed: Packed) -> Gathered {
        self.packs.holds(packed.number, user_id);
        Gathered::of_packed(user_id, packed.as_of, packed.head)
    }

    fn finish(&mut self) {
        self.finish_present();
        let mut others: Vec<_> = std::mem::take(&mut self.packed).into_iter().collect();
        others.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (user_id, packed) in others {
            self.present = Some(self.of_packed(&user_id, packed));
            self.finish_present();
        }
    }

    fn finish_present(&mut self) {
        if let Some(gathered) = self.present.take() {
            let learner = gathered.finish().map(|mut stored| {
                // All of it is stored.
                stored.learner.let_go();
                stored
            });
            self.learners.push(learner);
        }
    }
}

#[cfg(test)]
mod tests {
    use homeroom_core::learner::{Learner, StateChange};

    use super::*;
    use crate::learner::{Collected, Saved, dead_letter_key};

    type Records = Vec<(Vec<u8>, Vec<u8>)>;

    /// The records of learners of whom nothing is known but that they are there, as one capture writes them.
    fn records(as_of: u64, learners: &[(&str, bool)]) -> Records {
        let mut collected = Collected::beside(Vec::new(), as_of);
        for (user_id, was_active) in learners {
            collected.add(Saved {
                user_id: (*user_id).into(),
                changes: Learner::new(user_id).take_changes(true),
                standings: (!was_active).then(Vec::new),
            });
        }
        let changes = Packs::default().write(collected, |_| None::<Vec<u8>>);
        let written = |(key, payload): (_, Option<Vec<u8>>)| Some((key, payload?));
        let mut records: Records = changes.into_iter().filter_map(written).collect();
        records.sort();
        records
    }

    fn show(gathered: &WereActive, shard: u16, records: &Records) {
        for (key, payload) in records {
            gathered.record(shard, key, payload);
        }
    }

    fn user_ids(gathered: &WereActive, shard: u16) -> Vec<String> {
        let (learners, _) = gathered.take(shard).expect("they can be read");
        let ids = learners
            .iter()
            .map(|stored| stored.learner.user_id().to_owned());
        ids.collect()
    }

    #[test]
    fn those_that_were_active_are_gathered_by_shard() {
        let gathered = WereActive::new(2);
        gathered.begin(0);
        gathered.begin(1);
        let first = records(1, &[("ada", true), ("cyd", false), ("eve", true)]);
        show(&gathered, 0, &first);
        show(&gathered, 1, &records(1, &[("bob", true), ("dan", true)]));
        gathered.record(0, &dead_letter_key(7), b"a letter");
        assert_eq!(user_ids(&gathered, 0), ["ada", "eve"]);
        assert_eq!(user_ids(&gathered, 0), [""; 0], "they are given once");
        gathered.begin(1);
        assert_eq!(user_ids(&gathered, 1), [""; 0], "a rebuild begins anew");
    }

    #[test]
    fn of_a_packed_head_and_one_of_its_own_the_newer_counts() {
        for (packed_as_of, own_as_of, is_active) in [(2, 1, true), (1, 1, false), (1, 2, false)] {
            let gathered = WereActive::new(1);
            show(&gathered, 0, &records(packed_as_of, &[("ada", true)]));
            show(&gathered, 0, &records(own_as_of, &[("ada", false)]));
            let (learners, packs) = gathered.take(0).expect("it can be read");
            assert_eq!(learners.len(), usize::from(is_active));
            assert_eq!(packs.is_live(0), is_active);
        }
    }

    #[test]
    fn a_packed_head_has_the_records_beside_it() {
        let gathered = WereActive::new(1);
        show(&gathered, 0, &records(1, &[("ada", true)]));
        let mut beside = Collected::beside(Vec::new(), 1);
        beside.add(Saved {
            user_id: "ada".into(),
            changes: vec![StateChange {
                part: StatePart::Block(0),
                bytes: Some(b"no block".to_vec()),
            }],
            standings: None,
        });
        let changes = Packs::default().write(beside, |_| None::<Vec<u8>>);
        gathered.record(0, &changes[0].0, changes[0].1.as_ref().expect("a block"));
        assert!(gathered.take(0).is_err(), "the block was looked at");
    }

    #[test]
    fn a_learner_that_cannot_be_read_is_an_error() {
        for (was_active, bytes) in [(true, 3), (true, 30), (false, 12)] {
            let gathered = WereActive::new(1);
            let (key, payload) = records(1, &[("ada", was_active)]).remove(0);
            gathered.record(0, &key, &payload[..bytes]);
            assert_eq!(
                gathered.take(0).is_err(),
                was_active,
                "asleep it is not read"
            );
        }
    }
}

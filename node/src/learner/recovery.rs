//! Gathers learners while a shard's checkpoint is verified, since verification reads their records
//! anyway.

use std::collections::HashMap;

use homeroom_core::learner::StatePart;
use parking_lot::Mutex;

use super::codec::{
    Gathered, LoadError, RecordKey, Stored, pack_key, packed_heads, parse_key, unpacked_head,
};
use crate::store::checkpoint::{Change, RecoveryVisitor};

/// Gathers, by shard, the learners that were active when they were stored. Their standings are not
/// stored, so they must be active again before the first read.
///
/// Shards are read in any order, also at the same time, and again after an install. One that is
/// read again is gathered anew.
pub struct RecoveredLearners {
    shards: Vec<Mutex<ShardLearners>>,
}

#[derive(Default)]
struct ShardLearners {
    learners: Vec<Result<Stored, LoadError>>,
    /// The learner whose records are being read.
    present: Option<Gathered>,
    /// Heads from packs, each learner's newest, until the learner's own records follow.
    packed: HashMap<Box<str>, Packed, foldhash::fast::RandomState>,
    /// Stores the newest heads in records of their own, and deletes the packs.
    unpacking: Vec<Change>,
}

struct Packed {
    as_of: u64,
    head: Vec<u8>,
}

impl RecoveredLearners {
    /// For this number of shards.
    pub fn new(shards: u16) -> Self {
        Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
        }
    }

    /// The learners of a shard whose records have all been read, and the changes that delete its
    /// packs: the shard's first capture has to begin with them.
    ///
    /// # Errors
    /// When one of them can't be read.
    pub fn take(&self, shard: u16) -> Result<(Vec<Stored>, Vec<Change>), LoadError> {
        let taken = self.with(shard, std::mem::take);
        let ShardLearners {
            learners,
            unpacking,
            ..
        } = taken.unwrap_or_default();
        let learners: Result<Vec<Stored>, LoadError> = learners.into_iter().collect();
        Ok((learners?, unpacking))
    }

    fn with<T>(&self, shard: u16, act: impl FnOnce(&mut ShardLearners) -> T) -> Option<T> {
        let shard_learners = self.shards.get(usize::from(shard))?;
        let mut shard_learners = shard_learners.lock();
        Some(act(&mut shard_learners))
    }
}

impl RecoveryVisitor for RecoveredLearners {
    fn begin(&self, shard: u16) {
        self.with(shard, |shard_learners| {
            *shard_learners = ShardLearners::default()
        });
    }

    fn record(&self, shard: u16, key: &[u8], payload: &[u8]) {
        match parse_key(key) {
            Some(RecordKey::Pack(number)) => {
                self.with(shard, |shard_learners| {
                    shard_learners.unpack(number, payload)
                });
            }
            Some(RecordKey::Learner {
                user_id,
                part,
                piece,
            }) => {
                self.with(shard, |shard_learners| {
                    shard_learners.add(user_id, (part, piece), payload);
                });
            }
            _ => {}
        }
    }

    fn end(&self, shard: u16) {
        self.with(shard, ShardLearners::finish);
    }
}

impl ShardLearners {
    /// Packs precede all other records.
    fn unpack(&mut self, number: u32, record: &[u8]) {
        let (as_of, heads) = match packed_heads(number, record) {
            Ok(pack) => pack,
            Err(error) => return self.learners.push(Err(error)),
        };
        self.unpacking.push((pack_key(number), None));
        for (user_id, head) in heads {
            let older = self.packed.get(user_id);
            if older.is_none_or(|older| older.as_of < as_of) {
                let head = head.to_vec();
                self.packed.insert(user_id.into(), Packed { as_of, head });
            }
        }
    }

    /// Records arrive in the order of their keys. If a head has its own record, the first piece of
    /// it precedes all other records of the learner.
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

    /// Begins the next learner, with the newer of its own head and that from a pack.
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
        let head = unpacked_head(user_id, packed.as_of, &packed.head);
        self.unpacking.extend(head);
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
            self.learners.push(gathered.restore_partial());
        }
    }
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;

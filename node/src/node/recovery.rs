//! Learners that are gathered while the checkpoints are verified: their records pass by there anyway.

use std::sync::{Mutex, PoisonError};

use homeroom_core::learner::StatePart;

use crate::{
    learner::{Gathered, LoadError, RecordKey, Stored, parse_key},
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
}

impl WereActive {
    /// For so many shards.
    pub fn new(shards: u16) -> Self {
        Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
        }
    }

    /// Those of a shard.
    ///
    /// # Errors
    /// When one of them can't be read.
    pub fn take(&self, shard: u16) -> Result<Vec<Stored>, LoadError> {
        let taken = self.with(shard, |of_shard| {
            of_shard.finish_present();
            std::mem::take(&mut of_shard.learners)
        });
        taken.unwrap_or_default().into_iter().collect()
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
        if let Some(RecordKey::Learner {
            user_id,
            part,
            piece,
        }) = parse_key(key)
        {
            self.with(shard, |of_shard| {
                of_shard.add(user_id, (part, piece), payload)
            });
        }
    }
}

impl OfShard {
    /// Records come in the order of their keys: all of a learner after the first piece of its head.
    fn add(&mut self, user_id: &str, (part, piece): (StatePart, u16), payload: &[u8]) {
        if (part, piece) == (StatePart::Head, 0) {
            self.finish_present();
            let gathered = Gathered::begin(user_id, payload);
            self.present = gathered.was_active().then_some(gathered);
        } else if let Some(present) = &mut self.present
            && present.user_id() == user_id
        {
            present.add(part, piece, payload);
        }
    }

    fn finish_present(&mut self) {
        if let Some(gathered) = self.present.take() {
            self.learners.push(gathered.finish());
        }
    }
}

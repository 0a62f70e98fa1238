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
    use homeroom_core::learner::Learner;

    use super::*;
    use crate::learner::{Saved, dead_letter_key, record_changes};

    /// The records of a learner of whom nothing is known but that it is there.
    fn records(user_id: &str, was_active: bool) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut learner = Learner::new(user_id);
        let saved = Saved {
            user_id: user_id.into(),
            changes: learner.take_changes(true),
            standings: (!was_active).then(Vec::new),
        };
        let written = |(key, payload): (_, Option<Vec<u8>>)| Some((key, payload?));
        record_changes(saved).filter_map(written).collect()
    }

    fn user_ids(gathered: &WereActive, shard: u16) -> Vec<String> {
        let learners = gathered.take(shard).expect("they can be read");
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
        for (shard, user_id, was_active) in [
            (0, "ada", true),
            (1, "bob", true),
            (0, "cyd", false),
            (1, "dan", true),
            (0, "eve", true),
        ] {
            for (key, payload) in records(user_id, was_active) {
                gathered.record(shard, &key, &payload);
            }
            gathered.record(shard, &dead_letter_key(7), b"a letter");
        }
        assert_eq!(user_ids(&gathered, 0), ["ada", "eve"]);
        assert_eq!(user_ids(&gathered, 0), [""; 0], "they are given once");
        gathered.begin(1);
        assert_eq!(user_ids(&gathered, 1), [""; 0], "a rebuild begins anew");
    }

    #[test]
    fn a_learner_that_cannot_be_read_is_an_error() {
        let gathered = WereActive::new(1);
        let (key, payload) = records("ada", true).remove(0);
        gathered.record(0, &key, &payload[..3]);
        assert!(gathered.take(0).is_err());
    }
}

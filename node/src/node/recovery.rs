//! What is gathered about learners while the checkpoints are verified.

use std::sync::{Mutex, PoisonError};

use crate::{learner::active_when_stored, store::checkpoint::RecoveryVisitor};

/// Collects, by shard, the learners that were active when they were stored: how they stand in their courses is not.
pub struct WereActive {
    shards: Vec<Mutex<Vec<Box<str>>>>,
}

impl WereActive {
    /// For so many shards.
    pub fn new(shards: u16) -> Self {
        Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
        }
    }

    /// The ids of those of a shard.
    pub fn take(&self, shard: u16) -> Vec<Box<str>> {
        self.with(shard, std::mem::take).unwrap_or_default()
    }

    fn with<T>(&self, shard: u16, act: impl FnOnce(&mut Vec<Box<str>>) -> T) -> Option<T> {
        let of_shard = self.shards.get(usize::from(shard))?;
        Some(act(&mut of_shard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)))
    }
}

impl RecoveryVisitor for WereActive {
    fn begin(&self, shard: u16) {
        self.with(shard, Vec::clear);
    }

    fn record(&self, shard: u16, key: &[u8], payload: &[u8]) {
        if let Some(user_id) = active_when_stored(key, payload) {
            self.with(shard, |user_ids| user_ids.push(user_id.into()));
        }
    }
}

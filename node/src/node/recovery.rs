//! What is gathered about learners while the checkpoints are verified.

use std::sync::{Mutex, PoisonError};

use crate::{learner::StoredLearner, store::checkpoint::RecoveryVisitor};

/// A learner whose newest event is so much older than the shard's newest has no window that may still have to be emitted, ms: the
/// watermark is at most the lagging limit and a source's largest delay behind.
const UNSETTLED_SPAN_MS: i64 = 2 * 3_600_000;

/// Collects, by shard, the learners whose windows may not all have been emitted, or whose standings are not stored.
pub struct Unsettled {
    shards: Vec<Mutex<OfShard>>,
}

#[derive(Default)]
struct OfShard {
    newest_ms: i64,
    learners: Vec<StoredLearner>,
}

impl Unsettled {
    /// For so many shards.
    pub fn new(shards: u16) -> Self {
        Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
        }
    }

    /// What was collected of a shard.
    pub fn take(&self, shard: u16) -> Vec<StoredLearner> {
        let Some(of_shard) = self.shards.get(usize::from(shard)) else {
            return Vec::new();
        };
        let mut of_shard = of_shard.lock().unwrap_or_else(PoisonError::into_inner);
        let since_ms = of_shard.newest_ms.saturating_sub(UNSETTLED_SPAN_MS);
        let learners = std::mem::take(&mut of_shard.learners);
        learners
            .into_iter()
            .filter(|learner| may_be_active(learner, since_ms))
            .collect()
    }
}

impl RecoveryVisitor for Unsettled {
    fn begin(&self, shard: u16) {
        if let Some(of_shard) = self.shards.get(usize::from(shard)) {
            let nothing = OfShard {
                newest_ms: i64::MIN,
                learners: Vec::new(),
            };
            *of_shard.lock().unwrap_or_else(PoisonError::into_inner) = nothing;
        }
    }

    fn record(&self, shard: u16, key: &[u8], payload: &[u8]) {
        // A head that can't be read is reported when its learner is woken.
        let Some(learner) = StoredLearner::of_record(key, payload) else {
            return;
        };
        if let Some(of_shard) = self.shards.get(usize::from(shard)) {
            let mut of_shard = of_shard.lock().unwrap_or_else(PoisonError::into_inner);
            of_shard.newest_ms = of_shard.newest_ms.max(learner.last_event_ms);
            let since_ms = of_shard.newest_ms.saturating_sub(UNSETTLED_SPAN_MS);
            if may_be_active(&learner, since_ms) {
                of_shard.learners.push(learner);
            }
        }
    }
}

/// Its windows may not all have been emitted, or it was active when it was stored.
fn may_be_active(learner: &StoredLearner, since_ms: i64) -> bool {
    learner.last_event_ms >= since_ms || !learner.standings_stored
}

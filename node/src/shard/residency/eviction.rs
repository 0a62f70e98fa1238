//! Evicts durable blocks of all learners when memory is short. A learner with new events does so at
//! its next event anyway; the others receive none.

use super::directory::{Directory, Place};

/// Learners processed while the directory is locked. Others wait for some tens of microseconds.
const AT_ONCE: usize = 8;

impl Directory {
    /// Indexes of the active learners.
    pub fn places(&self) -> Vec<Place> {
        let learners = self.learners.lock();
        learners.active.iter().map(|(place, _)| place).collect()
    }

    /// Evicts what need not be in memory of these learners. A learner with an operation in progress
    /// is skipped: it evicts at its next event.
    pub fn evict_blocks(&self, places: &[Place]) {
        for some in places.chunks(AT_ONCE) {
            let mut learners = self.learners.lock();
            let durable_index = learners.durable_index;
            for place in some {
                let Some(active) = learners.active.get_mut(*place) else {
                    continue;
                };
                let resident = active.learner.try_lock();
                if let Some(bytes) =
                    resident.and_then(|mut resident| resident.evict_blocks_now(durable_index))
                {
                    self.note_size(active, bytes);
                }
            }
        }
    }
}

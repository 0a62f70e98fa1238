//! Where memory runs short, all learners let go of what is durable: those in a lesson do at their next event, and to the others none comes.

use super::directory::{Directory, Place};

/// So many learners let go while the directory is locked: others wait for some tens of microseconds.
const AT_ONCE: usize = 8;

impl Directory {
    /// Where the active learners are held.
    pub fn places(&self) -> Vec<Place> {
        let learners = self.learners.lock();
        learners.active.iter().map(|(place, _)| place).collect()
    }

    /// Has these learners let go of what need not be in memory. Those with whom somebody is do so in their own time.
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

//! What a shard reports of its work.

use homeroom_core::shard::Outcome;

/// Events of a shard that are counted or logged.
pub trait ShardEvents: Send + Sync + 'static {
    /// An entry was applied, with these outcomes.
    fn applied(&self, outcomes: &[Outcome], amended: usize);
    /// Learners were activated from the store, or for the first time.
    fn activated(&self, learners: usize);
    /// Learners were stopped.
    fn retired(&self, learners: usize);
    /// An evicted block of a learner was read from the store.
    fn block_read(&self);
    /// Windows closed.
    fn windows_closed(&self, windows: u64);
    /// Emitted windows were corrected.
    fn windows_corrected(&self, windows: usize);
}

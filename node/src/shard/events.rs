//! What a shard reports of its work.

use homeroom_core::shard::Outcome;

/// What happens in a shard that somebody may want to count.
pub trait ShardEvents: Send + Sync + 'static {
    /// An entry was applied, with these outcomes.
    fn applied(&self, outcomes: &[Outcome], amended: usize);
    /// Learners were woken from the store, or met for the first time.
    fn activated(&self, learners: usize);
    /// Learners were stopped.
    fn retired(&self, learners: usize);
    /// Events of a learner that had left the memory were read again.
    fn block_read(&self);
    /// Windows closed.
    fn windows_closed(&self, windows: u64);
    /// Windows that had closed changed.
    fn windows_corrected(&self, windows: usize);
    /// The process can't go on.
    fn fatal(&self, why: &str);
}

//! What a shard adds to its checkpoints, and how its state is recovered from one.
//!
//! Must not know: which learners are in memory.

mod recover;
mod sweeper;

pub use recover::recover;
pub use sweeper::Sweeper;

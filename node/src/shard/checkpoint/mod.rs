//! What a shard adds to its checkpoints, and how its state is read from one.
//!
//! Must not know: who is in memory.

mod recover;
mod sweeper;

pub use recover::recover;
pub use sweeper::Sweeper;

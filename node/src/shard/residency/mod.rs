//! Which learners are in memory, how much they use, and when they may leave.
//!
//! Must not know: what an entry contains, how a capture is written.

mod blocks;
mod capture;
mod directory;
mod eviction;
mod listing;
mod memory;
mod retirement;

pub use blocks::ShardBlocks;
pub use directory::{Activation, ActiveRef, Directory, Member, TouchedLearner};
pub use memory::LearnerMemory;
pub use retirement::Retirement;

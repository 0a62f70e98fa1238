//! From deliveries to entries: batches parts and proposes them; ticks advance log time. Nothing is
//! proposed without log time.
//!
//! Must not know: what an entry does to the shard, which learners are in memory.

mod batcher;
mod leading;
mod part;
mod ticker;
mod timekeeper;

pub use batcher::BatchLimits;
pub use leading::Leading;
pub use part::{Part, PartApplied, PartError};

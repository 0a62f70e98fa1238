//! From deliveries to entries: parts are gathered into batches and proposed; ticks let log time go on.
//!
//! Must not know: what an entry does to the shard, where learners are held.

mod batcher;
mod part;
mod ticker;

pub use batcher::{BatchLimits, Batcher};
pub use part::{Part, PartApplied, PartError};
pub use ticker::{LogClock, Ticker};

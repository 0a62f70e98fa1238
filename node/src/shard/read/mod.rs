//! Reads of a shard: one learner, or all of a course, with the requested consistency.
//!
//! Must not know: how entries are applied.

mod reader;
mod roster;

pub use reader::{Consistency, Read, ReadError, ReadOptions, ShardReader};
pub use roster::RosterVisitor;

//! Reads of a shard: one learner, or everyone in a course, as current as asked.
//!
//! Must not know: how entries are applied.

mod reader;
mod roster;

pub use reader::{Consistency, Read, ReadError, ReadOptions, ShardReader};
pub use roster::RosterVisitor;

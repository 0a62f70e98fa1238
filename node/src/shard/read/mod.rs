//! Reads of a shard: one learner, or everyone in a course, as current as asked.
//!
//! Must not know: how entries are applied.

mod reader;
mod roster;

pub use reader::{Confirmations, Consistency, Read, ReadError, ReadOptions};
pub use roster::RosterVisitor;

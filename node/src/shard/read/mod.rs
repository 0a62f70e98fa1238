//! Reads of a shard: one learner, or all of a course, with the requested consistency.
//!
//! Must not know: how entries are applied.

mod read_error;
mod reader;
mod roster;
mod window_page;
mod window_reader;

pub use read_error::ReadError;
pub use reader::{Consistency, Read, ReadOptions, ShardReader};
pub use roster::RosterVisitor;
pub use window_page::{PageLimits, WindowPage};
pub use window_reader::{PageTask, WindowReader};

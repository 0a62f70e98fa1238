//! What a node keeps on disk: the log that all its Raft groups share, and the checkpoints of their states.
//!
//! Must not know: what entries and records mean.

mod background;
pub mod checkpoint;
mod files;
mod group_id;
pub mod log;

pub use background::{Background, Unfinished};
pub use group_id::GroupId;

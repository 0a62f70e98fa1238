//! Storage of a node: the log that all its Raft groups share, and the checkpoints of their states.
//!
//! Must not know: the meaning of entries and records.

mod background;
pub mod checkpoint;
mod fields;
mod files;
mod group_id;
pub mod log;
mod want;

pub use background::{Background, Unfinished};
pub use group_id::GroupId;
pub use want::{is_waiting, waits};

//! The segment files: one file, the next one's file prepared ahead, and the table of all of them.
//!
//! Must not know: what records say.

pub(super) mod preallocator;
pub(super) mod segment;
pub(super) mod table;

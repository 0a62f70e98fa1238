//! The segment files: one file, the preallocated next file, and the table of all segments.
//!
//! Must not know: the content of records.

pub(super) mod preallocator;
pub(super) mod segment;
pub(super) mod table;

//! The mark: a small file beside the segments that says how far the log is durable.
//!
//! The last write batch has no later record that proves its durability, and what is damaged or lost
//! there would pass for a torn tail. The mark proves it, from outside the segment. It is written
//! after each fdatasync and before the completions, so after the death of the process it is never
//! behind what was acknowledged. It is made durable 0.8 s later, off the write path.
//!
//! Must not know: what the records say, when they are written.

pub(super) mod keeper;
pub(super) mod mark_file;

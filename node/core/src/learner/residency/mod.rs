//! What of a learner is in memory: all that is shown now and all that changes as a rule. Earlier blocks of its events may leave once
//! they are stored, and are read again when an event or a query needs them.
//!
//! Invariants, of what is in memory while some blocks are away:
//! - all attempts that rolling accuracy and the standings show, whatever blocks they are stored with;
//! - of each viewing that is not over, or has an event in a block in memory: the newest event, the last start or stop before each block
//!   that comes after one that is away, and what rewatching counts. One that is over is with its blocks alone, and comes back with each
//!   of them; so an event of a viewing has the newest block read that may tell of it and begins after all that is in memory of it;
//! - sessions, courses, last interactions and corrections, whole: they are stored in the head.

pub mod event_needs;
pub mod eviction;
pub mod missing;

pub use missing::{ALWAYS, Missing};

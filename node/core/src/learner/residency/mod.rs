//! Residency: which parts of a learner are in memory.
//!
//! Views show recent data, and most events change only that. Earlier blocks may be evicted once
//! they are stored, and are read again when an event or a query needs them.
//!
//! Invariants while some blocks are evicted. In memory are:
//! - all attempts that rolling accuracy and the standings show, whichever block they are stored
//!   with;
//! - of each viewing that is not over, or that has an event in a resident block: the newest event,
//!   the last start or stop before each resident block that follows an evicted one, and the starts
//!   that count as rewatching. A viewing that is over is only in its blocks, and is read with each
//!   of them. So an event needs the newest evicted block that may contain its viewing, if that
//!   block starts after the viewing's newest event in memory;
//! - sessions, courses, last interactions and corrections as a whole, since they are stored in the
//!   head.

mod event_needs;
mod eviction;
mod missing;

pub use missing::{ALWAYS, Missing};

//! Learners in memory: an actor for each one that is active, and the records that all of them are stored as.
//!
//! Must not know: the log, Raft, other learners.

mod actor;
mod keys;
mod message;
mod round;
mod stored;

pub use actor::{ACTOR_BYTES, LearnerActor, memory_of};
pub use keys::{
    RecordKey, dead_letter_key, dead_letters_from, parse_key, standings_after, standings_from,
    standings_prefix,
};
pub use message::{Apply, GroupApplied, LearnerMessage, Save, Saved};
pub use round::{Round, Turn};
pub use stored::{Gathered, LoadError, Stored, load, record_changes};

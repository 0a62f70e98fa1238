//! Learners in memory: an actor for each one that is active, and the records that all of them are stored as.
//!
//! Must not know: the log, Raft; a learner knows of no other.

mod actor;
mod collected;
mod first_piece;
mod growth;
mod held;
mod keys;
mod learner_ref;
mod message;
mod pack;
mod packs;
mod round;
mod stored;

pub use collected::Collected;
pub use held::{ACTOR_BYTES, Held, memory_of};
pub use keys::{
    RecordKey, dead_letter_key, learner_key, learners_from, pack_key, parse_key, standings_after,
    standings_from, standings_prefix,
};
pub use learner_ref::{LearnerRef, Retired};
pub use message::{Apply, GroupApplied, LearnerMessage, Look, Read, Save, Saved, Seen};
pub use packs::{Packs, packed_heads};
pub use round::{Round, RoundError, Turn};
#[cfg(test)]
pub use stored::Nowhere;
pub use stored::{
    BlockSource, Gathered, LoadError, Stored, fetch_live, has_left, load, load_block,
};

//! Learners in memory: an actor for each one that is active, and the records that all of them are stored as.
//!
//! Must not know: the log, Raft; a learner knows of no other.

mod actor;
mod codec;
mod recovery;

pub use actor::{
    ACTOR_BYTES, Apply, GroupApplied, LearnerMessage, LearnerRef, Look, Read, ResidentLearner,
    Retired, Save, Seen, memory_of,
};
#[cfg(test)]
pub use codec::NoBlocks;
pub use codec::{
    BlockSource, Collected, Gathered, LoadError, RecordKey, Saved, Stored, dead_letter_key,
    fetch_live, learner_key, learners_from, load, load_block, parse_key, standings_after,
    standings_from, standings_prefix, was_passivated,
};
pub use recovery::RecoveredLearners;

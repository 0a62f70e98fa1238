//! Learners: an actor for each active one, and their records.
//!
//! Must not know: the log, Raft. A learner must not know other learners.

mod actor;
mod codec;
mod recovery;

pub use actor::{
    ACTOR_BYTES, Apply, GroupApplied, LearnerMessage, LearnerRef, Look, Read, ResidentLearner,
    Retired, Save, memory_of,
};
pub use codec::{
    BlockSource, Collected, Gathered, LoadError, RecordKey, Saved, Stored, dead_letter_key,
    learner_key, learner_prefix, learners_after, learners_from, live_block, load, load_block,
    parse_key, standings_after, standings_at, standings_from, standings_prefix, was_passivated,
};
#[cfg(test)]
pub use codec::{NoBlocks, pack, pack_key};
pub use recovery::RecoveredLearners;

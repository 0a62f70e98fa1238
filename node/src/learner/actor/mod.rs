//! A learner in memory: its actor, and how it handles each message.
//!
//! Must not know: where records are stored, other learners.

mod growth;
mod learner_ref;
mod message;
mod resident_learner;

pub use learner_ref::{LearnerRef, Retired};
pub use message::{Apply, GroupApplied, LearnerMessage, Look, Read, Save};
pub use resident_learner::{ACTOR_BYTES, ResidentLearner, memory_of};

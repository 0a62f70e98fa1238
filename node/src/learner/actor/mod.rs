//! A learner in memory: its actor, and what it does with each message.
//!
//! Must not know: where records are, other learners.

mod growth;
mod held;
mod learner_ref;
mod message;
mod round;

pub use held::{ACTOR_BYTES, Held, memory_of};
pub use learner_ref::{LearnerRef, Retired};
pub use message::{Apply, GroupApplied, LearnerMessage, Look, Read, Save, Seen};
pub use round::{Round, RoundError, Turn};

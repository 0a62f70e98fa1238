//! A learner as it is stored.

pub mod partial;
pub mod records;

pub use records::{RequiredParts, StateChange, StatePart};

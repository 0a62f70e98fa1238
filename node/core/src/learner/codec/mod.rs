//! The stored form of a learner.

pub mod partial;
pub mod records;

pub use records::{RequiredParts, StateChange, StatePart};

//! The stored form of a learner.

mod partial;
mod records;

pub use records::{RequiredParts, StateChange, StatePart};

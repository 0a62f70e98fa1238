//! Which blocks of a learner are in memory.

pub mod residence;

pub use residence::{ALWAYS, Missing};

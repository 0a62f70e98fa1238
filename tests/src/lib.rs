//! The base of Homeroom's tests: an independent model to compare with, a generator of lifelike
//! events, and a replica of a shard without a node around it.
//!
//! [`oracle`] and [`generator`] know only the written meaning of events and windows. They must
//! never import the crates that they check; `tests/tidy` sees to it.

pub mod generator;
pub mod oracle;
pub mod rig;

//! The base of Homeroom's tests: an independent model to compare with, and a generator of lifelike
//! events.
//!
//! [`oracle`] knows only the written meaning of events and windows. It must never import the crates
//! that it checks.

pub mod generator;
pub mod oracle;

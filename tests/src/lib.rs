//! What tests of Homeroom stand on: an independent model to compare with, and a generator of lifelike events.
//!
//! [`oracle`] knows only the written meaning of events and windows; it must never import the crates it judges.

pub mod generator;
pub mod oracle;

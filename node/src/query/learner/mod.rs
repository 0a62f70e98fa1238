//! Learners: profiles and windows, read once, watched, or scanned.

mod read;
mod scan;
mod service;
mod watch;

pub use service::LearnerHandler;

//! Learners: profiles and windows, read once, watched, or scanned.

mod read;
mod scan;
mod service;
mod watch;
mod windows;

pub use service::LearnerHandler;

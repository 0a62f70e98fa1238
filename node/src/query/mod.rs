//! The gRPC way out: learners, courses, windows, dead letters, the cluster itself.
//!
//! Must not know: how events came in, how shards apply them.

mod cluster_service;
mod course;
mod dead_letters;
mod diagnose;
mod freshness;
mod learner;
mod profile;
mod read_context;
mod read_options;
mod window;

pub use cluster_service::{ClusterDoor, NodeIdentity};
pub use course::CourseDoor;
pub use dead_letters::DeadLetterDoor;
pub use diagnose::Diagnosis;
pub use learner::LearnerDoor;
pub use read_context::ReadContext;

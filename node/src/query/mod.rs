//! The gRPC services for reads and administration: learners, courses, windows, dead letters, the
//! cluster.
//!
//! Must not know: how events arrived, how shards apply them.

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

pub use cluster_service::{ClusterHandler, NodeIdentity};
pub use course::CourseHandler;
pub use dead_letters::DeadLetterHandler;
pub use diagnose::Diagnosis;
pub use learner::LearnerHandler;
pub use read_context::ReadContext;

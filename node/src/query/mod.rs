//! The gRPC services for reads and administration: learners, courses, windows, dead letters, the
//! cluster.
//!
//! Must not know: how events arrived, how shards apply them.

mod answer_size;
mod cluster_service;
mod course;
mod dead_letters;
mod diagnose;
mod freshness;
mod leaders;
mod learner;
mod pool;
mod profile;
mod read_context;
mod read_options;
mod slow_reader;
mod window;

pub use cluster_service::{ClusterHandler, NodeIdentity};
pub use course::CourseHandler;
pub use dead_letters::DeadLetterHandler;
pub use diagnose::Diagnosis;
pub use learner::LearnerHandler;
pub use pool::QueryPool;
pub use read_context::ReadContext;

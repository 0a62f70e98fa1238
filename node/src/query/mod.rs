//! The gRPC way out: learners, courses, windows, dead letters, the cluster itself.
//!
//! Must not know: how events came in, how shards apply them.

mod cluster_service;
mod course;
mod dead_letter_service;
mod dead_letters;
mod diagnose;
mod freshness;
mod learner_service;
mod profile;
mod profile_read;
mod read_options;
mod reading;
mod scan;
mod watch;
mod window;

pub use cluster_service::{ClusterDoor, NodeIdentity};
pub use course::CourseDoor;
pub use dead_letter_service::DeadLetterDoor;
pub use diagnose::Diagnosis;
pub use learner_service::LearnerDoor;
pub use reading::Reading;

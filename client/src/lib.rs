//! Homeroom's client: publishes events with at-least-once delivery, reads learners, courses, windows and dead letters, changes settings.
//!
//! [`Client`] is the way in; it connects lazily to the first of its endpoints that answers, and retries what may be retried.
//! [`Publisher`] streams batches through a bounded window and sends again what a broken connection left unacknowledged.
//! Files of events and the command line `homeroom` are a crate of their own (`client/cli`), which has no other way to a node.
//!
//! Knows the contract only (`homeroom-proto`): nothing of how a node is built, and nothing of what an event means.

mod batch;
mod client;
mod cluster;
mod courses;
mod dead_letters;
mod endpoints;
mod error;
mod failure;
mod learners;
mod position;
pub mod publisher;
mod retry;
mod tally;
mod watch;
mod window_pages;

pub use batch::Batch;
pub use client::{Client, ClientOptions};
pub use dead_letters::DeadLetterPages;
pub use endpoints::{EndpointError, parse_endpoints};
pub use error::CallError;
pub use failure::Failure;
pub use homeroom_proto::v1;
pub use learners::WindowScan;
pub use position::{Position, PositionError};
pub use publisher::{Acknowledgement, Acknowledgements, PublishError, Publisher, PublisherOptions};
pub use retry::RetryPolicy;
pub use tally::Tally;
pub use watch::{CourseWatch, LearnerWatch, Watch};
pub use window_pages::WindowPages;

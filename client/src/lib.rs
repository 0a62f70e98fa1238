//! Homeroom's client library: publishes events with at-least-once delivery; reads learners,
//! courses, windows and dead letters; changes settings.
//!
//! [`Client`] is the entry point. It connects lazily, to the first endpoint that answers, and
//! retries calls that are safe to retry. [`Publisher`] streams batches within a bounded window, and
//! resends what was not acknowledged when a connection broke.
//!
//! An attempt may leave the outcome of an event unknown: the connection broke, or the node itself
//! can't tell. It is sent again with the same id, which counts once. A `DUPLICATE` then says that
//! an earlier attempt was in, or is now. What is still unknown after the last attempt is reported
//! as that: in the outcome of each event (`unknown`), in [`Tally::unknown`], and by
//! [`CallError::has_no_side_effects`] for other calls.
//!
//! The crate depends on the contract (`homeroom-proto`) only. It must not know how a node works,
//! nor what an event means. The command line `homeroom` is a crate of its own, in `client/cli`.

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
pub use position::{Position, PositionError, ShardPosition};
pub use publisher::{Acknowledgement, Acknowledgements, PublishError, Publisher, PublisherOptions};
pub use retry::RetryPolicy;
pub use tally::Tally;
pub use watch::{CourseWatch, LearnerWatch, Watch};
pub use window_pages::WindowPages;

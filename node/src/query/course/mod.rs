//! Courses, aggregated over the shards.
//!
//! Each shard's learners are added to a [`Class`], one by one; merging the shards' classes gives
//! the answer.

mod class;
mod clock;
mod page;
mod read_points;
mod roster_key;
mod service;
mod watch;
mod windows;

pub use service::CourseHandler;

//! Courses: put together from what each shard says of its learners.
//!
//! A shard's learners visit a [`Class`] one by one; the shards' classes are merged, and what is left is the answer.

mod class;
mod clock;
mod page;
mod read_points;
mod roster_key;
mod service;
mod watch;
mod windows;

pub use service::CourseHandler;

//! A node: puts the parts together, and takes them down in good order. The only place that sees all of them.

mod checkpoints;
mod fatal;
mod gauges;
mod serve;
mod start;

pub use serve::{ServeError, serve};
pub use start::{StartNodeError, Started};

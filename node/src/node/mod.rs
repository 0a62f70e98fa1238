//! A node: starts all parts, connects them, and stops them in order. The only module that may use
//! all others.

mod checkpoints;
mod fatal;
mod gauges;
mod serve;
mod settings_adoption;
mod start;

pub use serve::{ServeError, serve};
pub use start::{StartNodeError, Started};

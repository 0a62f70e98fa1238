//! A node: puts the parts together, and takes them down in good order. The only place that sees all of them.

mod base_due;
mod calls;
mod checkpoints;
mod counting;
mod disk;
mod doors;
mod fatal;
mod gauges;
mod groups;
mod identity;
mod recovery;
mod room;
mod scrub;
mod serve;
mod services;
mod severable;
mod start;
mod start_error;
mod statements;
mod supervisor;

pub use serve::{ServeError, serve};
pub use start::Started;
pub use start_error::StartNodeError;

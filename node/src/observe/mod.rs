//! What a node says about itself: log lines, metrics, readiness, and its last words.
//!
//! Every part of the node may use it; it knows none of them.

pub mod metrics;
pub mod panic;
mod readiness;
pub mod tracing;

pub use self::metrics::Metrics;
pub use readiness::Readiness;

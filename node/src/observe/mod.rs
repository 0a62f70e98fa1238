//! Observation of a node: log lines, metrics, readiness, and the report of a panic.
//!
//! All parts of the node may use it; it knows none of them.

mod home_pages;
pub mod metrics;
pub mod panic;
mod readiness;
mod recent_activity;
mod recent_durations;
mod resource_usage;
pub mod tracing;

pub use self::metrics::{ConnectionEnd, ConnectionMetrics, ListenerMetrics, Metrics};
pub use home_pages::HomePages;
pub use readiness::Readiness;
pub use recent_activity::{Deliveries, Interval, LAG_MAX_MS, RecentActivity};
pub use recent_durations::{DurationSummary, RecentDurations};
pub use resource_usage::{DiskSpace, Fill, ReadResourceUsage, ResourceUsage};

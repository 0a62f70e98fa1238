//! What a node says about itself: log lines, metrics, readiness, and its last words.
//!
//! Every part of the node may use it; it knows none of them.

mod home_pages;
mod lately;
pub mod metrics;
pub mod panic;
mod readiness;
mod recent_times;
pub mod tracing;
mod vitals;

pub use self::metrics::Metrics;
pub use home_pages::HomePages;
pub use lately::{Deliveries, LAG_MAX_MS, Lately, Stretch};
pub use readiness::Readiness;
pub use recent_times::{RecentTimes, TimesOfLate};
pub use vitals::{DiskSpace, Fill, ReadVitals, Vitals};

//! Publishes the class's events, counts the outcomes and measures latencies.

mod batches;
mod ledger;
mod lesson;
mod publisher;

use std::time::{SystemTime, UNIX_EPOCH};

pub use ledger::{Latency, Ledger, Snapshot};
pub use lesson::Lesson;

/// The wall clock, which stamps the events, ms since the epoch.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

//! Log time of a shard, and what ingress judges timestamps by.
//!
//! [`LogClock`] holds the state; `anchor` and `voters` are pure: readings are arguments.
//! Must not know: shards, events, Raft.

mod anchor;
mod log_clock;
mod reading;
mod time_source;
mod voters;

#[cfg(test)]
mod tests;

pub use log_clock::LogClock;
pub use reading::ClockReading;
pub use time_source::{SystemTimeSource, TimeSource};

const NS_PER_MS: i64 = 1_000_000;
const NS_PER_S: i64 = 1_000_000_000;

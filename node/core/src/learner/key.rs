//! The order of events within a learner.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::Event;

/// What "newest" goes by: event time, then the bytes of the event id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventKey {
    /// Event time, ms since the epoch.
    pub timestamp_ms: i64,
    /// The event's id.
    pub event_id: Box<str>,
}

impl EventKey {
    /// Where an event stands in the order.
    pub fn of(event: &Event<'_>) -> Self {
        Self {
            timestamp_ms: event.timestamp_ms,
            event_id: event.event_id.as_ref().into(),
        }
    }
}

/// An event id in 128 bits: two ids of one learner with the same hash are not to be expected before 2^64 of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IdHash(u64, u64);

impl IdHash {
    /// Hash of an event's id.
    pub fn of(event_id: &str) -> Self {
        let hash = xxh3_128(event_id.as_bytes());
        let [high, low] = [hash >> 64, hash & u128::from(u64::MAX)]
            .map(|half| u64::try_from(half).expect("half of 128 bits"));
        Self(high, low)
    }
}

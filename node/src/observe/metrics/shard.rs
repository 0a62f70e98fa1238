//! How far event time has come, by shard.

use std::sync::{Arc, OnceLock};

use metrics::Gauge;

use super::registry::Registry;

/// As many shards as a cluster can have.
const SHARDS_MAX: usize = 256;

const LAG: &str = "homeroom_watermark_lag_seconds";
const WATERMARK: &str = "homeroom_watermark_timestamp_seconds";
const NEWEST: &str = "homeroom_newest_event_timestamp_seconds";

/// What is shown of shards. One that this node has no replica of is not shown, rather than with zeros.
pub struct ShardMetrics {
    registry: Arc<Registry>,
    shards: [OnceLock<[Gauge; 3]>; SHARDS_MAX],
}

/// A shard's event time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardFigures {
    /// What its watermark is behind by, ms of event time, beside what the sources' delays explain.
    pub lag_ms: i64,
    /// Its watermark, ms.
    pub watermark_ms: i64,
    /// Its newest event time, ms.
    pub newest_event_ms: i64,
}

impl ShardMetrics {
    pub(super) fn new(registry: &Arc<Registry>) -> Self {
        for (name, help) in [
            (
                LAG,
                "How far a shard's watermark is behind what its sources' delays explain, in event time; 0 when nobody speaks",
            ),
            (
                WATERMARK,
                "The event time up to which a shard believes it has seen everything, since the epoch",
            ),
            (NEWEST, "Newest event time of a shard, since the epoch"),
        ] {
            registry.describe_gauge(name, help);
        }
        Self {
            registry: Arc::clone(registry),
            shards: [const { OnceLock::new() }; SHARDS_MAX],
        }
    }

    /// Shows a shard from its first event on. Beyond the possible shards, nothing.
    pub fn show(&self, shard: u16, figures: ShardFigures) {
        let Some(slot) = self.shards.get(usize::from(shard)) else {
            return;
        };
        let [lag, watermark, newest] = slot.get_or_init(|| {
            let label = shard.to_string();
            [LAG, WATERMARK, NEWEST].map(|name| self.registry.gauge(name, &[("shard", &label)]))
        });
        lag.set(figures.lag_ms as f64 / 1_000.0);
        watermark.set(figures.watermark_ms as f64 / 1_000.0);
        newest.set(figures.newest_event_ms as f64 / 1_000.0);
    }
}

//! Metrics of event time, by shard.

use std::sync::{Arc, OnceLock};

use metrics::Gauge;

use super::registry::Registry;

/// Maximum number of shards of a cluster.
const SHARDS_MAX: usize = 256;

const LAG: &str = "homeroom_watermark_lag_seconds";
const WATERMARK: &str = "homeroom_watermark_timestamp_seconds";
const NEWEST: &str = "homeroom_newest_event_timestamp_seconds";

/// Metrics of event time, by shard. A shard without a replica here has no series, rather than
/// zeros.
pub struct ShardMetrics {
    registry: Arc<Registry>,
    shards: [OnceLock<[Gauge; 3]>; SHARDS_MAX],
}

/// Event time of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardFigures {
    /// Lag of the watermark beyond the sources' delays, ms of event time.
    pub lag_ms: i64,
    /// The watermark, ms.
    pub watermark_ms: i64,
    /// The newest event time, ms.
    pub newest_event_ms: i64,
}

impl ShardMetrics {
    pub(super) fn new(registry: &Arc<Registry>) -> Self {
        for (name, help) in [
            (
                LAG,
                "How far a shard's watermark is behind what its sources' delays explain, in event time; 0 while all sources are silent",
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

    /// Shows the figures of a shard. Numbers beyond the possible shards are ignored.
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

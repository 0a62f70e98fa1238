//! Metrics of event time, of what is applied and of the replica, by shard.

use std::sync::{Arc, OnceLock};

use metrics::Gauge;

use super::registry::Registry;

/// Maximum number of shards of a cluster.
const SHARDS_MAX: usize = 256;

const LAG: &str = "homeroom_watermark_lag_seconds";
const WATERMARK: &str = "homeroom_watermark_timestamp_seconds";
const NEWEST: &str = "homeroom_newest_event_timestamp_seconds";
const APPLIED: &str = "homeroom_applied_index";
const HASH: &str = "homeroom_entry_hash";

/// The bits of a hash that a sample shows. A sample is a float, exact for 53 bits; Alertmanager
/// shows the hash of its configuration in 48 bits too.
const SHOWN_BITS: u64 = (1 << 48) - 1;

const REPLICA: &str = "homeroom_replica_state";
/// The values of the label `state`, in the order of [`ReplicaState`].
const STATES: [&str; 3] = ["leads", "follows", "failed"];

/// Metrics of event time, of what is applied and of the replica, by shard. A shard without a
/// replica here has no series, rather than zeros.
pub struct ShardMetrics {
    registry: Arc<Registry>,
    shards: [OnceLock<[Gauge; 3]>; SHARDS_MAX],
    applied: [OnceLock<[Gauge; 2]>; SHARDS_MAX],
    /// By [`ReplicaState`].
    replicas: [OnceLock<[Gauge; 3]>; SHARDS_MAX],
}

/// What a shard's replica on this node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicaState {
    /// It takes the shard's writes.
    Leads,
    /// It applies what its leader writes, or waits for a leader.
    Follows,
    /// It has ended by itself.
    Failed,
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
            (
                APPLIED,
                "Index of the newest log entry that this replica of a shard applied",
            ),
            (
                HASH,
                "Lowest 48 bits of the hash over all that this replica of a shard applied; replicas with equal homeroom_applied_index must have equal ones",
            ),
            (
                REPLICA,
                "What a shard's replica on this node does: 1 for its present state, 0 for the others",
            ),
        ] {
            registry.describe_gauge(name, help);
        }
        Self {
            registry: Arc::clone(registry),
            shards: [const { OnceLock::new() }; SHARDS_MAX],
            applied: [const { OnceLock::new() }; SHARDS_MAX],
            replicas: [const { OnceLock::new() }; SHARDS_MAX],
        }
    }

    /// Shows what a shard's replica does. Numbers beyond the possible shards are ignored.
    pub fn show_replica(&self, shard: u16, state: ReplicaState) {
        let Some(slot) = self.replicas.get(usize::from(shard)) else {
            return;
        };
        let gauges = slot.get_or_init(|| {
            let shard = shard.to_string();
            let gauge = |state| {
                let labels = [("shard", shard.as_str()), ("state", state)];
                self.registry.gauge(REPLICA, &labels)
            };
            STATES.map(gauge)
        });
        for (number, gauge) in gauges.iter().enumerate() {
            gauge.set(f64::from(u8::from(number == state as usize)));
        }
    }

    /// Shows what a shard applied: the index of the newest entry, and the entry hash after it.
    pub fn show_applied(&self, shard: u16, index: u64, hash: u64) {
        let Some(slot) = self.applied.get(usize::from(shard)) else {
            return;
        };
        let [applied, shown] = slot.get_or_init(|| {
            let label = shard.to_string();
            [APPLIED, HASH].map(|name| self.registry.gauge(name, &[("shard", &label)]))
        });
        applied.set(index as f64);
        shown.set((hash & SHOWN_BITS) as f64);
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

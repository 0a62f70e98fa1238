//! Learners, their windows and their shards.

use std::sync::{Arc, OnceLock};

use metrics::{Counter, Gauge, Unit};

use super::registry::Registry;

/// What is counted of learners and their shards.
pub struct LearnerMetrics {
    /// Learners in memory.
    pub active: Gauge,
    /// Learners taken into memory.
    pub woken: Counter,
    /// Learners that left it.
    pub passivated: Counter,
    /// Log entries applied.
    pub entries_applied: Counter,
    /// Windows emitted for the first time.
    pub windows_closed: Counter,
    /// Closed windows emitted anew before they were settled.
    pub windows_revised: Counter,
    /// Settled windows changed all the same.
    pub windows_amended: Counter,
    registry: Arc<Registry>,
    /// A shard that this node has no replica of shows no lag, rather than none.
    watermark_lags: [OnceLock<Gauge>; SHARDS_MAX],
}

/// As many shards as a cluster can have.
const SHARDS_MAX: usize = 256;

const WATERMARK_LAG: &str = "homeroom_watermark_lag_seconds";

impl LearnerMetrics {
    pub(super) fn new(registry: &Arc<Registry>) -> Self {
        registry.describe_gauge(
            WATERMARK_LAG,
            Unit::Seconds,
            "How far a shard's watermark is behind its log time",
        );
        let counter = |name, help| registry.one_counter(name, Unit::Count, help);
        Self {
            active: registry.one_gauge(
                "homeroom_learners_active",
                Unit::Count,
                "Learners in memory, each with an actor of its own",
            ),
            woken: counter(
                "homeroom_learners_woken_total",
                "Learners taken into memory",
            ),
            passivated: counter(
                "homeroom_learners_passivated_total",
                "Learners that left the memory",
            ),
            entries_applied: counter("homeroom_entries_applied_total", "Log entries applied"),
            windows_closed: counter(
                "homeroom_windows_closed_total",
                "Windows emitted for the first time",
            ),
            windows_revised: counter(
                "homeroom_windows_revised_total",
                "Closed windows emitted anew for late events, before they were settled",
            ),
            windows_amended: counter(
                "homeroom_windows_amended_total",
                "Settled windows changed by later events",
            ),
            registry: Arc::clone(registry),
            watermark_lags: [const { OnceLock::new() }; SHARDS_MAX],
        }
    }

    /// How far a shard's watermark is behind its log time, s; shown once this was asked for. Beyond the possible shards, a
    /// gauge that goes nowhere.
    pub fn watermark_lag_seconds(&self, shard: u16) -> Gauge {
        let Some(slot) = self.watermark_lags.get(usize::from(shard)) else {
            return Gauge::noop();
        };
        slot.get_or_init(|| {
            self.registry
                .gauge(WATERMARK_LAG, &[("shard", &shard.to_string())])
        })
        .clone()
    }
}

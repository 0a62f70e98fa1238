//! Checkpoints and bases.

use metrics::{Counter, Gauge, Histogram, Unit};

use super::registry::Registry;

/// What is counted of checkpoints.
pub struct CheckpointMetrics {
    /// How long one took, s.
    pub seconds: Histogram,
    /// Bytes written by checkpoints.
    pub bytes: Counter,
    /// Since the newest durable one, of the shard where that is longest, s.
    pub age_seconds: Gauge,
    /// Checkpoints that failed.
    pub failures: Counter,
    /// How long a base took, s.
    pub base_seconds: Histogram,
}

impl CheckpointMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            seconds: registry.one_histogram(
                "homeroom_checkpoint_seconds",
                Unit::Seconds,
                "How long a checkpoint took until it was durable",
            ),
            bytes: registry.one_counter(
                "homeroom_checkpoint_bytes_total",
                Unit::Bytes,
                "Bytes written by checkpoints",
            ),
            age_seconds: registry.one_gauge(
                "homeroom_checkpoint_age_seconds",
                Unit::Seconds,
                "Since the newest durable checkpoint, of the shard where that is longest",
            ),
            failures: registry.one_counter(
                "homeroom_checkpoint_failures_total",
                Unit::Count,
                "Checkpoints that failed",
            ),
            base_seconds: registry.one_histogram(
                "homeroom_base_seconds",
                Unit::Seconds,
                "How long it took to write a base",
            ),
        }
    }
}

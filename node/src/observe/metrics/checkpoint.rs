//! Metrics of checkpoints and bases.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};

use super::registry::Registry;
use super::saved::{SavedGroup, SavedGroups};

/// Metrics of checkpoints and bases.
pub struct CheckpointMetrics {
    /// Duration of a checkpoint, s.
    seconds: Histogram,
    /// Bytes written by checkpoints.
    bytes: Counter,
    /// Time since everything applied was known to be in a durable checkpoint, s; of the group with
    /// the longest time.
    pub age_seconds: Gauge,
    /// Failed bases since the start. A failed checkpoint ends the process.
    failures: Counter,
    /// The same count, kept here because a counter can't be read.
    failed: AtomicU64,
    /// Each group's newest checkpoint.
    pub saved: SavedGroups,
    /// Duration of a base, s.
    pub base_seconds: Histogram,
    /// Bases that were found damaged and put aside since the start.
    pub rejections: Counter,
}

impl CheckpointMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            seconds: registry.one_histogram(
                "homeroom_checkpoint_seconds",
                "How long a checkpoint took until it was durable",
            ),
            bytes: registry.one_counter(
                "homeroom_checkpoint_bytes_total",
                "Bytes written by checkpoints",
            ),
            age_seconds: registry.one_gauge(
                "homeroom_checkpoint_age_seconds",
                "Since everything applied was last known to be in a durable checkpoint, of the group where that is longest",
            ),
            failures: registry.one_counter(
                "homeroom_checkpoint_failures_total",
                "Bases that could not be written, the log being kept meanwhile; a failed checkpoint stops the process",
            ),
            failed: AtomicU64::new(0),
            saved: SavedGroups::default(),
            base_seconds: registry.one_histogram(
                "homeroom_base_seconds",
                "How long it took to write a base",
            ),
            rejections: registry.one_counter(
                "homeroom_bases_rejected_total",
                "Bases that were found damaged and put aside since the start; new ones are written as soon as there is something new",
            ),
        }
    }
    /// Records a checkpoint of a group: its duration and the bytes written. Neither is counted if
    /// nothing was new.
    pub fn made(&self, group: u16, saved: SavedGroup, took: Option<(Duration, u64)>) {
        self.saved.note(group, saved);
        if let Some((duration, bytes)) = took {
            self.seconds.record(duration.as_secs_f64());
            self.bytes.increment(bytes);
        }
    }

    /// Counts a failed base.
    pub fn fail(&self) {
        self.failures.increment(1);
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Failed bases since the start.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

//! Metrics of the log under Raft.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};

use super::registry::Registry;
use crate::observe::recent_durations::RecentDurations;

/// Metrics of the log.
pub struct LogMetrics {
    /// Bytes appended.
    pub append_bytes: Counter,
    append_seconds: Histogram,
    fsync_seconds: Histogram,
    /// Recent waiting times of writes, from their hand-over until they were durable.
    pub recent_appends: RecentDurations,
    /// Recent durations of syncs.
    pub recent_fsyncs: RecentDurations,
    /// Syncs.
    pub fsyncs: Counter,
    /// Segment files.
    pub segments: Gauge,
    /// Bytes of all segment files.
    pub bytes: Gauge,
}

impl LogMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            append_bytes: registry.one_counter(
                "homeroom_log_append_bytes_total",
                "Bytes appended to the log",
            ),
            append_seconds: registry.one_histogram(
                "homeroom_log_append_seconds",
                "How long a write to the log waited from its hand-over until it was durable",
            ),
            recent_appends: RecentDurations::default(),
            recent_fsyncs: RecentDurations::default(),
            fsync_seconds: registry.one_histogram(
                "homeroom_log_fsync_seconds",
                "How long the disk took to make the log durable",
            ),
            fsyncs: registry.one_counter(
                "homeroom_log_fsyncs_total",
                "How often the log was made durable",
            ),
            segments: registry.one_gauge("homeroom_log_segments", "Segment files of the log"),
            bytes: registry.one_gauge(
                "homeroom_log_bytes",
                "Bytes of all segment files of the log",
            ),
        }
    }
    /// Records how long a write waited, from its hand-over until it was durable.
    pub fn appended(&self, took: Duration) {
        self.append_seconds.record(took.as_secs_f64());
        self.recent_appends.add(took);
    }

    /// Records the duration of a sync.
    pub fn fsynced(&self, took: Duration) {
        self.fsync_seconds.record(took.as_secs_f64());
        self.recent_fsyncs.add(took);
    }
}

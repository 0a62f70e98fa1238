//! The log under Raft.

use metrics::{Counter, Gauge, Histogram, Unit};

use super::registry::Registry;

/// What is counted of the log.
pub struct LogMetrics {
    /// Bytes appended.
    pub append_bytes: Counter,
    /// How long a sync took, s.
    pub fsync_seconds: Histogram,
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
                Unit::Bytes,
                "Bytes appended to the log",
            ),
            fsync_seconds: registry.one_histogram(
                "homeroom_log_fsync_seconds",
                Unit::Seconds,
                "How long the disk took to make the log durable",
            ),
            fsyncs: registry.one_counter(
                "homeroom_log_fsyncs_total",
                Unit::Count,
                "How often the log was made durable",
            ),
            segments: registry.one_gauge(
                "homeroom_log_segments",
                Unit::Count,
                "Segment files of the log",
            ),
            bytes: registry.one_gauge(
                "homeroom_log_bytes",
                Unit::Bytes,
                "Bytes of all segment files of the log",
            ),
        }
    }
}

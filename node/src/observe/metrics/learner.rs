//! Metrics of learners, windows and shards.

use metrics::{Counter, Gauge};

use super::registry::Registry;

/// Metrics of learners, windows and shards.
pub struct LearnerMetrics {
    /// Learners in memory.
    pub active: Gauge,
    /// Learners loaded into memory.
    pub woken: Counter,
    /// Learners removed from memory.
    pub passivated: Counter,
    /// Blocks of learners' events that were evicted, and read again.
    pub blocks_read: Counter,
    /// Log entries applied.
    pub entries_applied: Counter,
    /// Windows emitted for the first time.
    pub windows_closed: Counter,
    /// Closed windows emitted again before they were settled.
    pub windows_revised: Counter,
    /// Events that were accepted after a window of theirs was settled.
    pub events_amended: Counter,
}

impl LearnerMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let counter = |name, help| registry.one_counter(name, help);
        Self {
            active: registry.one_gauge(
                "homeroom_learners_active",
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
            blocks_read: counter(
                "homeroom_learner_blocks_read_total",
                "Blocks of active learners' earlier events, read from the store for an event or a query",
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
            events_amended: counter(
                "homeroom_events_amended_total",
                "Events that came after a window of theirs was settled, and count all the same",
            ),
        }
    }
}

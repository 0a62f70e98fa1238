//! Metrics of queries.

use metrics::{Counter, Histogram};

use super::registry::Registry;

/// Metrics of queries.
pub struct ReadMetrics {
    /// Time to answer inside the node, s.
    pub seconds: Histogram,
    /// Time to answer inside the node about a course or a list of courses, s.
    pub course_seconds: Histogram,
    /// Answers that were less current than requested.
    pub bound_missed: Counter,
    reads: [Counter; 4],
}

/// How current an answer has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// It contains every acknowledged write.
    Linearizable,
    /// It contains at least a given position.
    Session,
    /// It has at most a given age.
    Bounded,
    /// It may have any age.
    Any,
}

impl ReadMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            seconds: registry.one_histogram(
                "homeroom_read_seconds",
                "How long an answer took inside the node",
            ),
            course_seconds: registry.one_histogram(
                "homeroom_course_read_seconds",
                "How long an answer about courses took inside the node",
            ),
            bound_missed: registry.one_counter(
                "homeroom_reads_bound_missed_total",
                "Answers that were less current than was asked for",
            ),
            reads: registry.counters(
                "homeroom_reads_total",
                "Reads, by how current their answers had to be",
                "consistency",
                ["linearizable", "session", "bounded", "any"],
            ),
        }
    }

    /// Reads.
    pub fn reads(&self, consistency: Consistency) -> &Counter {
        &self.reads[consistency as usize]
    }
}

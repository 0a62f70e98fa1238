//! Queries.

use metrics::{Counter, Histogram};

use super::registry::Registry;

/// What is counted of queries.
pub struct ReadMetrics {
    /// How long an answer took inside the node, s.
    pub seconds: Histogram,
    /// How long an answer about a course, or a list of courses, took inside the node, s.
    pub course_seconds: Histogram,
    /// Answers that did not meet the asked bound.
    pub bound_missed: Counter,
    reads: [Counter; 4],
}

/// How current an answer was asked to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Every acknowledged write.
    Linearizable,
    /// At least a position.
    Session,
    /// At most so old.
    Bounded,
    /// Whatever there is.
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

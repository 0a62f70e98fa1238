//! The settings of the generator.

/// The share of the span in which a learner acts, without breaks. Measured so that a file spans the
/// time in its settings.
const SHARE_AT_WORK: f64 = 0.33;

/// The size of a file and how unruly it is. Fractions are of all lines.
#[derive(Debug, Clone)]
pub struct GeneratorSettings {
    /// Lines, counting copies and broken ones.
    pub lines: u64,
    /// Learners.
    pub learners: u32,
    /// Courses; each learner is in one.
    pub courses: u32,
    /// The seed: equal seeds give equal files.
    pub seed: u64,
    /// The first moment of event time, in UTC ms.
    pub start_ms: i64,
    /// Approximate span of event time.
    pub span_ms: i64,
    /// Lines that repeat an earlier one.
    pub duplicates: f64,
    /// The copies, among the duplicates, whose content differs (in a field that no window shows).
    pub conflicting: f64,
    /// Lines delivered up to eight seconds after their turn.
    pub out_of_order: f64,
    /// Lines one to five hours behind.
    pub late: f64,
    /// Lines that must be refused.
    pub broken: f64,
    /// Lines in the snake_case spelling.
    pub aliased: f64,
}

impl Default for GeneratorSettings {
    fn default() -> Self {
        GeneratorSettings {
            lines: 1_000_000,
            learners: 10_000,
            courses: 8,
            seed: 1,
            start_ms: 1_741_161_600_000,
            span_ms: 2 * 3_600_000,
            duplicates: 0.02,
            conflicting: 0.05,
            out_of_order: 0.10,
            late: 0.001,
            broken: 0.001,
            aliased: 0.01,
        }
    }
}

impl GeneratorSettings {
    /// The mean time between two events of a learner who acts. Work and breaks together fill the
    /// span.
    pub(crate) fn pace_ms(&self) -> f64 {
        let events_per_learner = self.lines as f64 / f64::from(self.learners.max(1));
        let gap_ms = self.span_ms as f64 / events_per_learner.max(1.0);
        gap_ms * SHARE_AT_WORK
    }
}

//! A pane that an event began: what windows it began with it.

use crate::WindowShape;

/// A pane in which a learner had no event before, between the nearest ones that have some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewPane {
    /// Its start, ms.
    pub start_ms: i64,
    /// Start of the nearest earlier one; the least number without one.
    pub before_ms: i64,
    /// Start of the nearest later one; the greatest number without one.
    pub after_ms: i64,
}

impl NewPane {
    /// Starts of the windows of a shape in which the learner had no event before, newest first, ms.
    pub fn windows_begun(self, shape: WindowShape) -> impl Iterator<Item = i64> {
        let holds_no_other = move |start_ms: &i64| {
            self.before_ms < *start_ms && self.after_ms >= start_ms + shape.size_ms
        };
        shape.starts_covering(self.start_ms).filter(holds_no_other)
    }
}

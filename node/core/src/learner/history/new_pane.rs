//! A pane that began with an event, and the windows that began with it.

use crate::WindowShape;

/// A pane in which the learner had no event before, with its nearest neighbours that have some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewPane {
    /// Start of the pane, ms.
    pub start_ms: i64,
    /// Start of the nearest earlier pane, ms; `i64::MIN` if there is none.
    pub before_ms: i64,
    /// Start of the nearest later pane, ms; `i64::MAX` if there is none.
    pub after_ms: i64,
}

impl NewPane {
    /// Starts of the windows of a shape that contained no event of the learner before, newest
    /// first, ms.
    pub fn windows_begun(self, shape: WindowShape) -> impl Iterator<Item = i64> {
        let holds_no_other = move |start_ms: &i64| {
            self.before_ms < *start_ms && self.after_ms >= start_ms + shape.size_ms
        };
        shape.starts_covering(self.start_ms).filter(holds_no_other)
    }
}

//! Evicted blocks that a query needs.

use std::ops::Range;

use crate::learner::{state::Learner, views::WindowQuery};

/// All of event time, ms.
pub const ALWAYS: Range<i64> = i64::MIN..i64::MAX;

/// Starts of needed blocks that are not in memory, ms. At least one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("blocks {0:?} are not in memory")]
pub struct Missing(pub Vec<i64>);

impl Learner {
    /// Starts of the evicted blocks that may contain events in a span of event time, ms.
    pub fn missing_within(&self, span_ms: &Range<i64>) -> Vec<i64> {
        let blocks = self.blocks.evicted_between(span_ms.start, span_ms.end);
        blocks.collect()
    }

    /// Starts of the evicted blocks that a query for windows needs, ms. A query for windows changed
    /// since a log time needs only the blocks that changed since then, and their neighbours.
    pub fn missing_for(&self, query: &WindowQuery) -> Vec<i64> {
        let mut missing = self.missing_within(&query.span_ms());
        if let Some(since_ms) = query.changed_since_ms
            && !missing.is_empty()
        {
            let size_ms = query.shape.size_ms;
            let changed = self.blocks.changed_since(since_ms);
            let reach =
                |it: Range<i64>| it.start.saturating_sub(size_ms)..it.end.saturating_add(size_ms);
            let spans_ms: Vec<_> = changed.map(reach).collect();
            let changed = self.blocks.evicted_within(&spans_ms);
            missing.retain(|from_ms| changed.binary_search(from_ms).is_ok());
        }
        missing
    }
}

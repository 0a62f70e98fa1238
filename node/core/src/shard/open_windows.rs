//! Counts of the windows that contain an event and are still open, by their end. With them the
//! shard counts closed windows without a query to each learner.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{context::EntryContext, learner::NewPane, wire::NUMBER_BYTES_MAX};

/// The most pairs of end and size. With sources that are within their bounds there are fewer than
/// 2,000; what begins beyond this is not counted.
const ENTRIES_MAX: usize = 65_536;
/// The most bytes of their encoding.
pub(super) const OPEN_WINDOWS_BYTES_MAX: usize =
    NUMBER_BYTES_MAX + ENTRIES_MAX * 3 * NUMBER_BYTES_MAX;

/// Number of windows by end and size, ms. At most one entry per shape and pane between the
/// watermark and the newest event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OpenWindows(BTreeMap<(i64, i64), u64>);

impl OpenWindows {
    /// Counts the windows that begin with a new pane. Windows that end at or before the watermark
    /// are skipped: they closed without it, and the event corrects them instead.
    pub fn begin(&mut self, pane: NewPane, context: &EntryContext) {
        for &shape in &context.settings.windows {
            let ends = pane
                .windows_begun(shape)
                .map(|start_ms| start_ms + shape.size_ms);
            for end_ms in ends.take_while(|end_ms| *end_ms > context.watermark_ms) {
                let key = (end_ms, shape.size_ms);
                if self.0.len() < ENTRIES_MAX || self.0.contains_key(&key) {
                    *self.0.entry(key).or_default() += 1;
                }
            }
        }
    }

    /// Removes the windows that end at or before the watermark, and returns their number. Windows
    /// that begin before the floor can't be read any more and do not count.
    pub fn close(&mut self, watermark_ms: i64, floor_ms: i64) -> u64 {
        let mut closed = 0;
        while let Some(first) = self.0.first_entry()
            && first.key().0 <= watermark_ms
        {
            let ((end_ms, size_ms), windows) = first.remove_entry();
            if end_ms - size_ms >= floor_ms {
                closed += windows;
            }
        }
        closed
    }
}

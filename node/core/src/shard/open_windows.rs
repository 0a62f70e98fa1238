//! Windows that hold something and have not closed: how many learners' windows end when. So that nobody has to ask every learner
//! whenever the watermark moves on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{context::EntryContext, learner::NewPane};

/// Counted by end and size, ms. Holds no more entries than the panes between the watermark and the newest event, for each shape.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OpenWindows(BTreeMap<(i64, i64), u64>);

impl OpenWindows {
    /// Notes the windows that hold something since an event of this entry began a pane. Those that end at or before the watermark
    /// have closed without it: they are corrected, and no longer close.
    pub fn begin(&mut self, pane: NewPane, context: &EntryContext) {
        for &shape in &context.settings.windows {
            let ends = pane
                .windows_begun(shape)
                .map(|start_ms| start_ms + shape.size_ms);
            for end_ms in ends.take_while(|end_ms| *end_ms > context.watermark_ms) {
                *self.0.entry((end_ms, shape.size_ms)).or_default() += 1;
            }
        }
    }

    /// Closes those that end at or before the watermark. Returns how many did; one that begins before the floor has nothing left to be
    /// read, and does not count.
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

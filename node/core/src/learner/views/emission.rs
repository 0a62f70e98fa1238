//! Emissions: notices that a closed window has a new revision. They are data; only the leader
//! carries them out.

use std::collections::BTreeSet;

use crate::{
    WindowShape,
    context::EntryContext,
    learner::state::Learner,
    time::{PANE_MS, floor_to},
};

/// A closed window changed.
///
/// Its key is (learner, size, start). A sink that upserts by key and keeps the highest revision is
/// exact. So content and revision are read when the emission is carried out, not copied here, and
/// most events need no further blocks in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Emission {
    /// Size and step of the window.
    pub shape: WindowShape,
    /// Start of the window, ms.
    pub start_ms: i64,
}

impl Learner {
    /// The windows that an entry changed after they were emitted, given the changed event times.
    /// None starts before the floor, ms.
    ///
    /// Each has a revision above 1, or its first event came after it closed.
    pub fn corrected(
        &self,
        touched: &[i64],
        context: &EntryContext,
        floor_ms: i64,
    ) -> Vec<Emission> {
        let panes = touched.iter().map(|&time_ms| floor_to(time_ms, PANE_MS));
        let panes = self.corrections.made_by(context.index, panes);
        if panes.is_empty() {
            return Vec::new();
        }
        let mut emissions = Vec::new();
        for &shape in &context.settings.windows {
            let closed = |end_ms| end_ms <= context.watermark_ms;
            let starts: BTreeSet<i64> = panes
                .iter()
                .flat_map(|&start_ms| shape.starts_covering(start_ms))
                .filter(|&start_ms| start_ms >= floor_ms && closed(start_ms + shape.size_ms))
                .collect();
            let starts = starts.into_iter();
            emissions.extend(starts.map(|start_ms| Emission { shape, start_ms }));
        }
        emissions
    }
}

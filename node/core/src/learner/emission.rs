//! Emissions: the news that a window has a revision to be carried out. Data only; the leader acts on it.

use std::collections::BTreeSet;

use super::Learner;
use crate::{
    WindowShape,
    shard::{EntryContext, ReadPoint},
    time::{PANE_MS, floor_to},
};

/// A window closed, or a closed one changed. Its key is (learner, size, start); a sink that upserts by key and keeps the highest
/// revision is exact, so the content is read when the emission is carried out, not copied here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Emission {
    /// Size and step of the window.
    pub shape: WindowShape,
    /// Its start, ms.
    pub start_ms: i64,
    /// 1 when it closed.
    pub revision: u32,
}

impl Learner {
    /// Windows that close as the watermark goes from one time to another, oldest first for each shape. One that begins before the floor
    /// has nothing left to be read, and so nothing to emit; one whose first event came after its end is emitted as a correction.
    pub fn closings(
        &self,
        from_ms: i64,
        to_ms: i64,
        shapes: &[WindowShape],
        at: &ReadPoint,
    ) -> Vec<Emission> {
        let mut emissions = Vec::new();
        for &shape in shapes {
            // A window that ends in (from, to] begins after from - size.
            let first_ms = from_ms.saturating_sub(shape.size_ms).max(at.floor_ms);
            let panes = self.hours.panes_between(first_ms, to_ms);
            let panes =
                panes.map(|(_, pane_start_ms, pane)| (pane_start_ms, pane.first_watermark_ms));
            let closes = |end_ms| (from_ms + 1..=to_ms).contains(&end_ms);
            emissions.extend(self.emissions_of(shape, panes, closes, at));
        }
        emissions
    }

    /// Windows that had been emitted and were changed by an entry that touched these times.
    pub fn corrected(
        &self,
        touched: &[i64],
        context: &EntryContext,
        at: &ReadPoint,
    ) -> Vec<Emission> {
        let panes = touched.iter().map(|&time_ms| floor_to(time_ms, PANE_MS));
        let panes = self.corrections.made_by(context.index, panes);
        let mut emissions = Vec::new();
        for &shape in &context.settings.windows {
            let closed = |end_ms| end_ms <= context.watermark_ms;
            let panes = panes.iter().map(|&start_ms| (start_ms, i64::MIN));
            emissions.extend(self.emissions_of(shape, panes, closed, at));
        }
        emissions
    }

    /// The readable windows of a shape that cover any of these panes, each given with a time that the window must end after, and whose
    /// end is wanted, oldest first.
    fn emissions_of(
        &self,
        shape: WindowShape,
        panes: impl Iterator<Item = (i64, i64)>,
        wants_end: impl Fn(i64) -> bool,
        at: &ReadPoint,
    ) -> impl Iterator<Item = Emission> {
        let wanted = |start_ms: i64, after_ms| {
            let end_ms = start_ms + shape.size_ms;
            start_ms >= at.floor_ms && end_ms > after_ms && wants_end(end_ms)
        };
        let starts: BTreeSet<i64> = panes
            .flat_map(|(pane_start_ms, after_ms)| {
                covering(shape, pane_start_ms).map(move |start_ms| (start_ms, after_ms))
            })
            .filter(|&(start_ms, after_ms)| wanted(start_ms, after_ms))
            .map(|(start_ms, _)| start_ms)
            .collect();
        starts
            .into_iter()
            .map(move |start_ms| self.emission(shape, start_ms, at))
    }

    fn emission(&self, shape: WindowShape, start_ms: i64, at: &ReadPoint) -> Emission {
        let revision = self
            .revision(start_ms, start_ms + shape.size_ms, at)
            .revision;
        Emission {
            shape,
            start_ms,
            revision,
        }
    }
}

/// Starts of the windows that cover a pane.
fn covering(shape: WindowShape, pane_start_ms: i64) -> impl Iterator<Item = i64> {
    let newest = floor_to(pane_start_ms, shape.step_ms);
    (0..shape.size_ms / shape.step_ms).map(move |back| newest - back * shape.step_ms)
}

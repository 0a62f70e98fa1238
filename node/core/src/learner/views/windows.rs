//! All windows of a query at once, for what is in memory.

use super::{
    window::{Window, WindowQuery},
    window_maker::{TYPES_LISTED_MAX, WindowMaker, WindowStep},
};
use crate::{context::ReadPoint, learner::state::Learner};

impl Learner {
    /// The windows with at least one event of the learner, oldest first, of what is in memory.
    /// Takes time in proportion to the counts in the span; queries go in steps, see
    /// [`WindowMaker`].
    pub fn windows(&self, query: &WindowQuery, at: &ReadPoint) -> Vec<Window> {
        let mut windows = Vec::new();
        let Some(plan) = self.window_plan(query, at.floor_ms) else {
            return windows;
        };
        let mut maker = WindowMaker::new(query, &plan, at, TYPES_LISTED_MAX);
        loop {
            match maker.step() {
                WindowStep::Made(window) => windows.push(window),
                WindowStep::Needs(from_ms) => {
                    let span_ms = from_ms..plan.span_ms.end;
                    maker.add(self.window_parts(&plan, span_ms, usize::MAX));
                }
                WindowStep::Done => return windows,
            }
        }
    }
}

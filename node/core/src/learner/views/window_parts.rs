//! What windows are made of: a copy of a part of a learner, taken in steps of bounded length.

use std::{ops::Range, sync::Arc};

use super::window::WindowQuery;
use crate::{
    learner::{compact::CourseIndex, history::Correction, state::Learner},
    time::pane_start,
    wire::DecodeError,
};

/// The state of a learner that a copy is of. Two copies of one version are of one position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LearnerVersion {
    events: u64,
    pruned_to_ms: i64,
    /// Number of the blocks that are not in memory.
    evicted: usize,
}

/// A block that a query needs and that is not in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeededBlock {
    /// The span of event time that it covers, ms. Its record is that of the start.
    pub span_ms: Range<i64>,
}

/// What a query needs of a learner, as of one version.
#[derive(Clone, Debug)]
pub struct WindowPlan {
    /// The version that the plan and all its parts must be of.
    pub version: LearnerVersion,
    /// The event times that the windows cover, ms.
    pub span_ms: Range<i64>,
    /// The evicted blocks in the span, oldest first.
    pub evicted: Vec<NeededBlock>,
    /// The course of the query; `None` for all courses.
    course: Option<CourseIndex>,
    /// The late changes of panes in the span, ordered by pane.
    pub(super) corrections: Vec<Correction>,
}

/// A copy of a learner's panes in a span of event time.
#[derive(Clone, Debug)]
pub struct WindowParts {
    /// Names of types, by the numbers in `counts`.
    pub(super) types: Vec<Arc<str>>,
    /// Oldest first.
    pub(super) panes: Vec<PanePart>,
    /// Everything before this event time is in these parts or in earlier ones, ms.
    pub(super) until_ms: i64,
}

/// One pane, as far as a query needs it.
#[derive(Clone, Debug)]
pub(super) struct PanePart {
    pub start_ms: i64,
    /// The watermark when its first event was applied, ms.
    pub first_watermark_ms: i64,
    /// Log time of its newest event, ms.
    pub changed_ms: i64,
    /// Events by type, in the query's course. Empty if there are none.
    pub counts: Vec<(u32, u32)>,
    /// Page views and clicks.
    pub clicks: u64,
    /// Whether there is an interaction or an assessment.
    pub is_active: bool,
    pub quiz_count: u64,
    pub score_millionths: u64,
    /// Sum of the credits. They are 64-bit numbers from outside, so a sum may need more.
    pub video_ms: u128,
}

impl Learner {
    /// The version of the present state. It changes with each accepted event, whenever the past is
    /// forgotten, and when blocks leave memory: a plan says whence its parts come.
    pub fn version(&self) -> LearnerVersion {
        LearnerVersion {
            events: self.events,
            pruned_to_ms: self.pruned_to_ms,
            evicted: self.blocks.evicted_blocks(),
        }
    }

    /// What a query needs of this learner; `None` if the learner was never in its course. Windows
    /// begin at or after the floor, ms.
    pub fn window_plan(&self, query: &WindowQuery, floor_ms: i64) -> Option<WindowPlan> {
        let course = match &query.course_id {
            Some(id) => Some(self.courses.index_of(id)?),
            None => None,
        };
        let span_ms = query.span_ms();
        let span_ms = span_ms.start.max(floor_ms)..span_ms.end;
        let evicted = self.missing_for(&WindowQuery {
            from_ms: Some(span_ms.start),
            ..query.clone()
        });
        let evicted = evicted.into_iter().map(|from_ms| NeededBlock {
            span_ms: from_ms..self.blocks.end_ms(from_ms),
        });
        let corrections = self.corrections.between(span_ms.start, span_ms.end);
        Some(WindowPlan {
            version: self.version(),
            evicted: evicted.collect(),
            corrections: corrections.copied().collect(),
            course,
            span_ms,
        })
    }

    /// Copies the resident panes that begin in a span, ms: at least one, and then until at least
    /// `counts_max` counts are copied.
    pub fn window_parts(
        &self,
        plan: &WindowPlan,
        span_ms: Range<i64>,
        counts_max: usize,
    ) -> WindowParts {
        let mut parts = WindowParts {
            types: Vec::new(),
            panes: Vec::new(),
            until_ms: span_ms.end,
        };
        self.copy_panes(plan, span_ms.clone(), counts_max, &mut parts);
        if let Some(first) = parts.panes.first() {
            let first_ms = first.start_ms;
            self.copy_sums(plan, first_ms..parts.until_ms, &mut parts);
        }
        parts
    }

    fn copy_panes(
        &self,
        plan: &WindowPlan,
        span_ms: Range<i64>,
        counts_max: usize,
        parts: &mut WindowParts,
    ) {
        let (mut copied, mut block_ms) = (0, None);
        // Numbers of the present block's types.
        let mut numbers: Vec<Option<u32>> = Vec::new();
        for (block, start_ms, pane) in self.blocks.panes_between(span_ms.start, span_ms.end) {
            if copied >= counts_max {
                parts.until_ms = start_ms;
                return;
            }
            let block_at = std::ptr::from_ref(block);
            if block_ms.replace(block_at) != Some(block_at) {
                numbers.clear();
            }
            let mut part = PanePart::empty(start_ms, pane.first_watermark_ms, pane.changed_ms);
            for count in block.counts(pane) {
                copied += 1;
                if plan.course.is_some() && plan.course != count.course {
                    continue;
                }
                let at = usize::from(count.type_index());
                if at >= numbers.len() {
                    numbers.resize(at + 1, None);
                }
                let number = *numbers[at].get_or_insert_with(|| {
                    parts.types.push(count.type_name().into());
                    parts.types.len() as u32 - 1
                });
                part.counts.push((number, count.events));
                part.is_active |= count.is_activity();
                if count.is_clicks() {
                    part.clicks += u64::from(count.events);
                }
            }
            copied += 1;
            parts.panes.push(part);
        }
    }

    /// Adds watched time and quizzes to the panes that they belong to.
    fn copy_sums(&self, plan: &WindowPlan, span_ms: Range<i64>, parts: &mut WindowParts) {
        let wants = |course| plan.course.is_none() || plan.course == course;
        for viewing in self.playbacks.since(span_ms.start) {
            for credit in viewing.credits_between(span_ms.start, span_ms.end) {
                if wants(credit.course)
                    && let Some(pane) = parts.pane_at(credit.timestamp_ms)
                {
                    pane.video_ms += u128::from(credit.watched_ms);
                }
            }
        }
        for attempt in self.attempts.between(span_ms.start, span_ms.end) {
            if attempt.is_quiz
                && wants(attempt.course.index())
                && let Some(pane) = parts.pane_at(attempt.place.timestamp_ms)
            {
                pane.quiz_count += 1;
                pane.score_millionths += u64::from(attempt.score_millionths);
            }
        }
    }
}

impl WindowPlan {
    /// Whence the parts from a time on come, ms.
    pub fn source(&self, from_ms: i64) -> PartsSource {
        let next = self
            .evicted
            .partition_point(|block| block.span_ms.end <= from_ms);
        match self.evicted.get(next) {
            Some(block) if block.span_ms.start <= from_ms => PartsSource::Stored(block.clone()),
            Some(block) => PartsSource::Memory(from_ms..block.span_ms.start),
            None => PartsSource::Memory(from_ms..self.span_ms.end),
        }
    }

    /// The parts of an evicted block from a time on, ms. `bytes` is its record; `None` if it was
    /// deleted because it had passed the retention.
    ///
    /// # Errors
    /// When the record is damaged or of an unknown version.
    pub fn stored_parts(
        &self,
        block: &NeededBlock,
        from_ms: i64,
        bytes: Option<&[u8]>,
    ) -> Result<WindowParts, DecodeError> {
        let mut learner = Learner::new("");
        if let Some(bytes) = bytes {
            learner.restore_block(block.span_ms.start, bytes)?;
        }
        Ok(learner.window_parts(self, from_ms..block.span_ms.end, usize::MAX))
    }
}

/// Whence parts come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartsSource {
    /// From memory, in this span of event time, ms.
    Memory(Range<i64>),
    /// From the record of a block.
    Stored(NeededBlock),
}

impl WindowParts {
    fn pane_at(&mut self, time_ms: i64) -> Option<&mut PanePart> {
        let start_ms = pane_start(time_ms);
        let at = self
            .panes
            .binary_search_by_key(&start_ms, |pane| pane.start_ms);
        self.panes.get_mut(at.ok()?)
    }
}

impl PanePart {
    fn empty(start_ms: i64, first_watermark_ms: i64, changed_ms: i64) -> Self {
        Self {
            start_ms,
            first_watermark_ms,
            changed_ms,
            counts: Vec::new(),
            clicks: 0,
            is_active: false,
            quiz_count: 0,
            score_millionths: 0,
            video_ms: 0,
        }
    }
}

//! Windows: runs of panes, summed up when they are read; and queries for them.

use std::{collections::BTreeMap, ops::Range};

use super::revision::WindowState;
use crate::{
    EventType, WindowShape,
    time::{MINUTE_MS, PANE_MS},
};

/// What a learner did in a span of event time.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Start: a multiple of the shape's step, ms.
    pub start_ms: i64,
    /// End, exclusive, ms.
    pub end_ms: i64,
    /// How final it is.
    pub state: WindowState,
    /// 0 while the window is open, then the number of its emissions.
    pub revision: u32,
    /// The sums.
    pub content: WindowContent,
}

/// The sums of a window. They are integers, so that the order of adding does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WindowContent {
    /// Accepted events by type: of the most frequent types, ties by name.
    pub events_by_type: BTreeMap<EventType, u64>,
    /// Number of types that are not listed.
    pub other_types: u64,
    /// Accepted events of these types.
    pub other_events: u64,
    /// Number of page views and clicks.
    pub clicks: u64,
    /// Number of attempts at quizzes.
    pub quiz_count: u64,
    /// Sum of the quiz attempts' scores, millionths.
    pub score_millionths: u64,
    /// Watched time, ms.
    pub video_ms: u64,
    /// Number of panes with an interaction or an assessment.
    pub active_panes: u64,
}

/// A query for windows of one learner.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowQuery {
    /// Size and step of the windows.
    pub shape: WindowShape,
    /// Only windows that start at or after this, ms.
    pub from_ms: Option<i64>,
    /// Only windows that start before this, ms.
    pub to_ms: Option<i64>,
    /// Only windows that an event changed after this log time, ms.
    pub changed_since_ms: Option<i64>,
    /// Only events of this course.
    pub course_id: Option<String>,
}

impl WindowQuery {
    /// All windows of one shape.
    pub fn all(shape: WindowShape) -> Self {
        Self {
            shape,
            from_ms: None,
            to_ms: None,
            changed_since_ms: None,
            course_id: None,
        }
    }
}

impl WindowQuery {
    /// The event times that the windows cover, ms.
    pub fn span_ms(&self) -> Range<i64> {
        let to_ms = self.to_ms.unwrap_or(i64::MAX);
        self.from_ms.unwrap_or(i64::MIN)..to_ms.saturating_add(self.shape.size_ms)
    }
}

impl WindowContent {
    /// Number of accepted events of all types.
    pub fn events(&self) -> u64 {
        self.events_by_type.values().sum::<u64>() + self.other_events
    }

    /// Mean of score / maximum over the quiz attempts; `None` without one.
    pub fn average_score(&self) -> Option<f64> {
        (self.quiz_count > 0)
            .then(|| self.score_millionths as f64 / self.quiz_count as f64 / 1_000_000.0)
    }

    /// Active time, ms.
    pub fn active_ms(&self) -> u64 {
        self.active_panes * PANE_MS.unsigned_abs()
    }

    /// Engagement from 0 to 1: the design's weighted sum of clicks, watched time, quizzes and
    /// active time, relative to a window of `size_ms`. 12 clicks or 2 quizzes a minute give their
    /// full share.
    pub fn engagement(&self, size_ms: i64) -> f64 {
        let (video_ms, active_ms) = (self.video_ms, self.active_ms());
        engagement(self.clicks, video_ms, self.quiz_count, active_ms, size_ms)
    }
}

/// See [`WindowContent::engagement`].
pub(super) fn engagement(
    clicks: u64,
    video_ms: u64,
    quiz_count: u64,
    active_ms: u64,
    size_ms: i64,
) -> f64 {
    let size = size_ms as f64;
    let per_minute = MINUTE_MS as f64;
    let share = |value: f64| value.min(1.0);
    0.3 * share(clicks as f64 * per_minute / (12.0 * size))
        + 0.3 * share(video_ms as f64 / size)
        + 0.2 * share(quiz_count as f64 * per_minute / (2.0 * size))
        + 0.2 * share(active_ms as f64 / size)
}

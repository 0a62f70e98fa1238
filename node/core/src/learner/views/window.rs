//! Windows: runs of panes, summed up when they are read.

use std::{collections::BTreeMap, ops::Range};

use super::revision::{Revision, WindowState};
use crate::{
    EventType, WindowShape,
    context::ReadPoint,
    learner::{compact::CourseIndex, state::Learner},
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
    /// Accepted events by type.
    pub events_by_type: BTreeMap<EventType, u64>,
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
    /// Number of page views and clicks.
    pub fn clicks(&self) -> u64 {
        self.of_type(&EventType::PageView) + self.of_type(&EventType::Click)
    }

    /// Number of accepted events of one type.
    pub fn of_type(&self, event_type: &EventType) -> u64 {
        self.events_by_type
            .get(event_type)
            .copied()
            .unwrap_or_default()
    }

    /// Number of accepted events of all types.
    pub fn events(&self) -> u64 {
        self.events_by_type.values().sum()
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
        let (clicks, active_ms) = (self.clicks(), self.active_ms());
        engagement(clicks, self.video_ms, self.quiz_count, active_ms, size_ms)
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

/// Windows that are being summed up.
struct Draft<'q> {
    query: &'q WindowQuery,
    floor_ms: i64,
    course: Option<CourseIndex>,
    windows: BTreeMap<i64, Building>,
}

#[derive(Default)]
struct Building {
    content: WindowContent,
    /// Panes are added in order of time.
    last_active_ms: Option<i64>,
    changed: bool,
}

impl Building {
    fn note_active(&mut self, pane_start_ms: i64) {
        if self.last_active_ms != Some(pane_start_ms) {
            self.last_active_ms = Some(pane_start_ms);
            self.content.active_panes += 1;
        }
    }
}

impl Draft<'_> {
    /// Starts of the queried windows that cover a time.
    fn starts(&self, time_ms: i64) -> impl Iterator<Item = i64> + use<'_> {
        let starts = self.query.shape.starts_covering(time_ms);
        starts.filter(|&start_ms| {
            start_ms >= self.floor_ms
                && self.query.from_ms.is_none_or(|from_ms| start_ms >= from_ms)
                && self.query.to_ms.is_none_or(|to_ms| start_ms < to_ms)
        })
    }

    fn wants(&self, course: Option<CourseIndex>) -> bool {
        self.course.is_none() || self.course == course
    }

    /// Adds to existing windows. Only a learner's own panes create one.
    fn add(&mut self, time_ms: i64, add: impl Fn(&mut WindowContent)) {
        let starts: Vec<i64> = self.starts(time_ms).collect();
        for start_ms in starts {
            if let Some(window) = self.windows.get_mut(&start_ms) {
                add(&mut window.content);
            }
        }
    }
}

impl Learner {
    /// The windows with at least one event of the learner, oldest first.
    pub fn windows(&self, query: &WindowQuery, at: &ReadPoint) -> Vec<Window> {
        self.contents(query, at.floor_ms)
            .map(|(start_ms, content)| self.finish_window(start_ms, content, query, at))
            .collect()
    }

    /// The contents of these windows with their starts, oldest first.
    pub(super) fn contents(
        &self,
        query: &WindowQuery,
        floor_ms: i64,
    ) -> impl Iterator<Item = (i64, WindowContent)> + use<> {
        let asked = query.course_id.as_deref();
        let course = asked.map(|id| self.courses.index_of(id));
        let mut draft = Draft {
            query,
            floor_ms,
            course: course.flatten(),
            windows: BTreeMap::new(),
        };
        if course != Some(None) {
            self.add_panes(&mut draft);
            self.add_sums(&mut draft);
        }
        let windows = draft.windows.into_iter();
        windows
            .filter(|(_, window)| window.changed)
            .map(|(start_ms, window)| (start_ms, window.content))
    }

    fn add_panes(&self, draft: &mut Draft<'_>) {
        let span_ms = draft.query.span_ms();
        let from_ms = span_ms.start.max(draft.floor_ms);
        for (block, pane_start_ms, pane) in self.blocks.panes_between(from_ms, span_ms.end) {
            let changed = draft.query.changed_since_ms.is_none_or(|since_ms| {
                pane.changed_ms > since_ms
                    || self.corrections.changed_after(pane_start_ms, since_ms)
            });
            let starts: Vec<i64> = draft.starts(pane_start_ms).collect();
            let course = draft.course;
            let wanted = block
                .counts(pane)
                .filter(|count| course.is_none() || course == count.course);
            for count in wanted {
                for &start_ms in &starts {
                    let window = draft.windows.entry(start_ms).or_default();
                    *window
                        .content
                        .events_by_type
                        .entry(count.event_type())
                        .or_default() += u64::from(count.events);
                    window.changed |= changed;
                    if count.is_activity() {
                        window.note_active(pane_start_ms);
                    }
                }
            }
        }
    }

    fn add_sums(&self, draft: &mut Draft<'_>) {
        let Some((&first_ms, _)) = draft.windows.first_key_value() else {
            return;
        };
        let end_ms = draft
            .windows
            .last_key_value()
            .map_or(first_ms, |(&start_ms, _)| {
                start_ms + draft.query.shape.size_ms
            });
        for viewing in self.playbacks.since(first_ms) {
            for credit in viewing
                .credits()
                .filter(|credit| credit.timestamp_ms >= first_ms)
            {
                if draft.wants(credit.course) {
                    draft.add(credit.timestamp_ms, |content| {
                        content.video_ms = content.video_ms.saturating_add(credit.watched_ms);
                    });
                }
            }
        }
        for attempt in self.attempts.between(first_ms, end_ms) {
            if attempt.is_quiz && draft.wants(attempt.course.index()) {
                draft.add(attempt.place.timestamp_ms, |content| {
                    content.quiz_count += 1;
                    content.score_millionths += u64::from(attempt.score_millionths);
                });
            }
        }
    }

    fn finish_window(
        &self,
        start_ms: i64,
        content: WindowContent,
        query: &WindowQuery,
        at: &ReadPoint,
    ) -> Window {
        let end_ms = start_ms + query.shape.size_ms;
        let Revision { state, revision } = self.revision(start_ms, end_ms, at);
        Window {
            start_ms,
            end_ms,
            state,
            revision,
            content,
        }
    }
}

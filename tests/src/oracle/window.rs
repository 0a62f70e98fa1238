//! Windows: runs of panes.

use std::collections::BTreeMap;

use super::learner::NaiveLearner;
use super::pane::{PANE_MS, PaneSums};

/// How long after a window's end an event is still on time.
const LATENESS_MS: i64 = 30_000;

/// The size, step and first start of windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSpec {
    /// Length; a multiple of a pane.
    pub size_ms: i64,
    /// Distance between starts, which are its multiples; a multiple of a pane.
    pub step_ms: i64,
    /// Windows that begin before this are not stored any more.
    pub floor_ms: Option<i64>,
}

impl WindowSpec {
    /// The tumbling minute of the dashboards.
    pub const MINUTE: WindowSpec = WindowSpec {
        size_ms: 60_000,
        step_ms: 60_000,
        floor_ms: None,
    };
    /// The sliding half minute of the recommender.
    pub const SLIDING: WindowSpec = WindowSpec {
        size_ms: 30_000,
        step_ms: 5_000,
        floor_ms: None,
    };

    /// The starts of all windows that contain a pane.
    fn starts_over(self, pane_ms: i64) -> impl Iterator<Item = i64> {
        let newest = pane_ms - pane_ms.rem_euclid(self.step_ms);
        (0..)
            .map(move |back| newest - back * self.step_ms)
            .take_while(move |start| start + self.size_ms > pane_ms)
    }
}

/// The state of a window, as far as the watermark decides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowState {
    /// The watermark has not reached its end.
    Open,
    /// Past its end, within the allowed lateness.
    Closed,
    /// Past the allowed lateness. Whether it was amended depends on arrival.
    Settled,
}

/// One window of one learner.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowRow {
    /// The learner's id.
    pub user_id: String,
    /// Start, inclusive.
    pub window_start_ms: i64,
    /// End, exclusive.
    pub window_end_ms: i64,
    /// `page_view` and `click`.
    pub clicks: u64,
    /// Attempts of quizzes.
    pub quiz_count: u64,
    /// Their mean score, null without one.
    pub average_score: Option<f64>,
    /// Watched time.
    pub video_ms: i64,
    /// Five seconds for each active pane.
    pub active_ms: i64,
    /// By the design's formula.
    pub engagement: f64,
    /// Interactions by type.
    pub interactions: BTreeMap<String, u64>,
}

impl WindowRow {
    /// The state under a watermark.
    pub fn state(&self, watermark_ms: i64) -> WindowState {
        if watermark_ms < self.window_end_ms {
            WindowState::Open
        } else if watermark_ms < self.window_end_ms + LATENESS_MS {
            WindowState::Closed
        } else {
            WindowState::Settled
        }
    }
}

/// The most event types that an answer lists one by one for a window.
const TYPES_LISTED: usize = 100;

/// The event types of a window, as an answer lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeList {
    /// Events by type: of the most frequent types, ties by name.
    pub listed: BTreeMap<String, u64>,
    /// Number of the other types.
    pub other_types: u64,
    /// Their events.
    pub other_events: u64,
}

impl TypeList {
    /// The list of the given types, one for each event.
    pub fn of<'t>(types: impl Iterator<Item = &'t str>) -> TypeList {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for event_type in types {
            *counts.entry(event_type).or_default() += 1;
        }
        let mut counts: Vec<(&str, u64)> = counts.into_iter().collect();
        counts.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
        let others = counts.split_off(counts.len().min(TYPES_LISTED));
        TypeList {
            listed: counts
                .into_iter()
                .map(|(name, events)| (name.to_owned(), events))
                .collect(),
            other_types: others.len() as u64,
            other_events: others.into_iter().map(|(_, events)| events).sum(),
        }
    }
}

/// A learner's engagement in a window of `size_ms`, from 0 to 1.
pub fn engagement(
    size_ms: i64,
    clicks: u64,
    video_ms: i64,
    quiz_count: u64,
    active_ms: i64,
) -> f64 {
    let w = size_ms as f64;
    let clicking = (clicks as f64 * 60_000.0 / (12.0 * w)).min(1.0);
    let watching = (video_ms as f64 / w).min(1.0);
    let quizzing = (quiz_count as f64 * 60_000.0 / (2.0 * w)).min(1.0);
    let being_active = (active_ms as f64 / w).min(1.0);
    0.3 * clicking + 0.3 * watching + 0.2 * quizzing + 0.2 * being_active
}

pub(crate) fn windows_of(
    learner: &NaiveLearner<'_>,
    spec: WindowSpec,
    course_id: Option<&str>,
) -> Vec<WindowRow> {
    let mut windows: BTreeMap<i64, (PaneSums, i64)> = BTreeMap::new();
    for (pane_ms, by_course) in learner.panes() {
        let wanted = |course: &Option<&str>| course_id.is_none() || *course == course_id;
        let chosen: Vec<&PaneSums> = by_course
            .iter()
            .filter(|(course, _)| wanted(course))
            .map(|(_, sums)| sums)
            .collect();
        if chosen.is_empty() {
            continue;
        }
        for start in spec.starts_over(pane_ms) {
            let (sums, active_panes) = windows.entry(start).or_default();
            chosen.iter().for_each(|course| sums.add(course));
            *active_panes += i64::from(chosen.iter().any(|course| course.active));
        }
    }
    let is_kept = |start: i64| spec.floor_ms.is_none_or(|floor_ms| start >= floor_ms);
    let kept = windows.into_iter().filter(|(start, _)| is_kept(*start));
    kept.map(|(start, (sums, active_panes))| row(learner.user_id, spec, start, sums, active_panes))
        .collect()
}

fn row(
    user_id: &str,
    spec: WindowSpec,
    start: i64,
    sums: PaneSums,
    active_panes: i64,
) -> WindowRow {
    let active_ms = active_panes * PANE_MS;
    let average = || sums.quiz_millionths as f64 / sums.quiz_count as f64 / 1_000_000.0;
    WindowRow {
        user_id: user_id.to_owned(),
        window_start_ms: start,
        window_end_ms: start + spec.size_ms,
        clicks: sums.clicks,
        quiz_count: sums.quiz_count,
        average_score: (sums.quiz_count > 0).then(average),
        video_ms: sums.video_ms,
        active_ms,
        engagement: engagement(
            spec.size_ms,
            sums.clicks,
            sums.video_ms,
            sums.quiz_count,
            active_ms,
        ),
        interactions: sums.interactions,
    }
}

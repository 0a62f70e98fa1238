//! Panes: five seconds of one learner, summed per course.

use std::collections::BTreeMap;

use super::event::NaiveEvent;
use super::kind::{Kind, is_click};
use super::learner::NaiveLearner;

/// The length of a pane.
pub const PANE_MS: i64 = 5_000;

/// The sums of one pane and one course.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaneSums {
    /// `page_view` and `click`.
    pub clicks: u64,
    /// Attempts of quizzes whose newest event is in this pane.
    pub quiz_count: u64,
    /// Their scores.
    pub quiz_millionths: i64,
    /// Watched time.
    pub video_ms: i64,
    /// Whether an interaction or an assessment is in this pane.
    pub active: bool,
    /// Interactions by type.
    pub interactions: BTreeMap<String, u64>,
}

impl PaneSums {
    /// Adds all sums; `active` is not one.
    pub(crate) fn add(&mut self, other: &PaneSums) {
        self.clicks += other.clicks;
        self.quiz_count += other.quiz_count;
        self.quiz_millionths += other.quiz_millionths;
        self.video_ms = self.video_ms.saturating_add(other.video_ms);
        for (event_type, count) in &other.interactions {
            *self.interactions.entry(event_type.clone()).or_default() += count;
        }
    }
}

/// The panes of a learner by start, each with its sums by course. Every pane with any event is
/// present.
pub type Panes<'a> = BTreeMap<i64, BTreeMap<Option<&'a str>, PaneSums>>;

/// The start of the pane of a time; also before 1970.
pub(crate) fn pane_start(timestamp_ms: i64) -> i64 {
    timestamp_ms - timestamp_ms.rem_euclid(PANE_MS)
}

pub(crate) fn panes_of<'a>(learner: &NaiveLearner<'a>) -> Panes<'a> {
    let mut panes = Panes::new();
    for event in learner.events.iter().copied() {
        let sums = sums_at(&mut panes, event);
        sums.active |= event.kind() != Kind::State;
        sums.clicks += u64::from(is_click(&event.event_type));
        if event.kind() == Kind::Interaction {
            *sums
                .interactions
                .entry(event.event_type.clone())
                .or_default() += 1;
        }
    }
    for attempt in learner.attempts().iter().filter(|attempt| attempt.is_quiz) {
        let sums = sums_at(&mut panes, attempt.newest);
        sums.quiz_count += 1;
        sums.quiz_millionths += attempt.millionths;
    }
    for credit in learner.watched() {
        let sums = sums_at(&mut panes, credit.event);
        sums.video_ms = sums.video_ms.saturating_add(credit.video_ms);
    }
    panes
}

fn sums_at<'p, 'a>(panes: &'p mut Panes<'a>, event: &'a NaiveEvent) -> &'p mut PaneSums {
    let courses = panes.entry(pane_start(event.timestamp_ms)).or_default();
    courses.entry(event.course_id.as_deref()).or_default()
}

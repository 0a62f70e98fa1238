//! One learner: the sorted set of accepted events, from which everything else is computed.

use super::attempt::{Attempt, attempts_of};
use super::course::{CourseStanding, standings_of};
use super::event::NaiveEvent;
use super::kind::Kind;
use super::pane::{Panes, panes_of};
use super::rolling::{RollingAccuracy, rolling_accuracy};
use super::session::{SessionRow, sessions_of};
use super::watched::{WatchedCredit, watched_credits};
use super::window::{WindowRow, WindowSpec, windows_of};

/// Number of the newest interactions and assessments that a profile shows.
const RING: usize = 10;

/// A view of one learner's accepted events.
#[derive(Debug)]
pub struct NaiveLearner<'a> {
    /// The learner's id.
    pub user_id: &'a str,
    /// All accepted events, oldest first.
    pub events: Vec<&'a NaiveEvent>,
}

impl<'a> NaiveLearner<'a> {
    /// Sorts the events, which may be in any order.
    pub fn new(
        user_id: &'a str,
        events: impl IntoIterator<Item = &'a NaiveEvent>,
    ) -> NaiveLearner<'a> {
        let mut events: Vec<&NaiveEvent> = events.into_iter().collect();
        events.sort_by(|a, b| a.order().cmp(&b.order()));
        NaiveLearner { user_id, events }
    }

    /// The attempts, oldest first.
    pub fn attempts(&self) -> Vec<Attempt<'a>> {
        attempts_of(&self.events)
    }

    /// The watched time, event by event, oldest first.
    pub fn watched(&self) -> Vec<WatchedCredit<'a>> {
        watched_credits(&self.events)
    }

    /// The sums of every pane with an event, per course.
    pub fn panes(&self) -> Panes<'a> {
        panes_of(self)
    }

    /// The windows with an event (of `course_id`, if given), by start.
    pub fn windows(&self, spec: WindowSpec, course_id: Option<&str>) -> Vec<WindowRow> {
        windows_of(self, spec, course_id)
    }

    /// The sessions, by id.
    pub fn sessions(&self) -> Vec<SessionRow> {
        sessions_of(&self.events)
    }

    /// The session of the newest event that has one.
    pub fn present_session(&self) -> Option<&'a str> {
        self.events
            .iter()
            .rev()
            .find_map(|event| event.session_id.as_deref())
    }

    /// The ten newest interactions, newest first.
    pub fn last_interactions(&self) -> Vec<&'a NaiveEvent> {
        let interactions = self
            .events
            .iter()
            .rev()
            .filter(|event| event.kind() == Kind::Interaction);
        interactions.take(RING).copied().collect()
    }

    /// The ten newest attempts, newest first.
    pub fn last_assessments(&self) -> Vec<Attempt<'a>> {
        self.attempts().into_iter().rev().take(RING).collect()
    }

    /// Accuracy over the newest attempts, overall and per skill.
    pub fn rolling_accuracy(&self) -> RollingAccuracy {
        rolling_accuracy(&self.attempts())
    }

    /// The learner's relation to each course in the events.
    pub fn courses(&self) -> Vec<CourseStanding> {
        standings_of(&self.events)
    }
}

//! The courses that a learner was seen in or enrolled for.

use serde::{Deserialize, Serialize};

use super::EventKey;
use crate::{Event, EventType};

/// A course by its place in the learner's list: panes and facts name courses so. The list only grows.
pub type CourseIndex = u32;

/// What ties a learner to a course.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The course.
    pub course_id: Box<str>,
    /// Newest event in the course.
    pub last_event_ms: i64,
    /// The newest `enrolled` (true) or `unenrolled` (false).
    enrolment: Option<(EventKey, bool)>,
}

/// All courses of a learner, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Courses(Vec<Membership>);

impl Courses {
    /// Adds an event to its course and says which that is.
    pub fn add(&mut self, event: &Event<'_>) -> Option<CourseIndex> {
        let course_id = event.course_id.as_deref()?;
        let position = self.position(course_id).unwrap_or_else(|| {
            self.0.push(Membership {
                course_id: course_id.into(),
                last_event_ms: event.timestamp_ms,
                enrolment: None,
            });
            self.0.len() - 1
        });
        let membership = &mut self.0[position];
        membership.last_event_ms = membership.last_event_ms.max(event.timestamp_ms);
        let enrolled = match event.event_type {
            EventType::Enrolled => Some(true),
            EventType::Unenrolled => Some(false),
            _ => None,
        };
        if let Some(enrolled) = enrolled {
            membership.note_enrolment(EventKey::of(event), enrolled);
        }
        u32::try_from(position).ok()
    }

    /// The place of a course, if the learner has to do with it.
    pub fn index_of(&self, course_id: &str) -> Option<CourseIndex> {
        self.position(course_id)
            .and_then(|position| u32::try_from(position).ok())
    }

    /// The course at a place.
    pub fn get(&self, index: CourseIndex) -> Option<&Membership> {
        self.0.get(usize::try_from(index).ok()?)
    }

    /// Their ids, in the order in which they came.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|membership| &*membership.course_id)
    }

    /// In the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = &Membership> {
        self.0.iter()
    }

    fn position(&self, course_id: &str) -> Option<usize> {
        self.0
            .iter()
            .position(|membership| &*membership.course_id == course_id)
    }
}

impl Membership {
    /// Whether the learner is enrolled; `None` when no event has said so or otherwise.
    pub fn enrolled(&self) -> Option<bool> {
        self.enrolment.as_ref().map(|(_, enrolled)| *enrolled)
    }

    fn note_enrolment(&mut self, key: EventKey, enrolled: bool) {
        if self
            .enrolment
            .as_ref()
            .is_none_or(|(known, _)| *known < key)
        {
            self.enrolment = Some((key, enrolled));
        }
    }
}

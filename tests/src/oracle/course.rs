//! The relation of a learner to a course.

use std::collections::BTreeMap;

use super::event::NaiveEvent;

/// One learner and one course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CourseStanding {
    /// The course.
    pub course_id: String,
    /// The newest of `enrolled` and `unenrolled`, if there is one.
    pub enrolled: Option<bool>,
    /// Whether any other event names the course.
    pub seen: bool,
    /// The newest event that names it.
    pub last_ms: i64,
}

impl CourseStanding {
    /// Whether the learner is on the roster: enrolled or seen, unless the last change is
    /// `unenrolled`.
    pub fn on_roster(&self) -> bool {
        self.enrolled.unwrap_or(self.seen)
    }
}

pub(crate) fn standings_of(events: &[&NaiveEvent]) -> Vec<CourseStanding> {
    let mut courses: BTreeMap<&str, CourseStanding> = BTreeMap::new();
    for event in events {
        let Some(course_id) = event.course_id.as_deref() else {
            continue;
        };
        let standing = courses.entry(course_id).or_insert_with(|| CourseStanding {
            course_id: course_id.to_owned(),
            enrolled: None,
            seen: false,
            last_ms: event.timestamp_ms,
        });
        standing.last_ms = event.timestamp_ms;
        match event.event_type.as_str() {
            "enrolled" => standing.enrolled = Some(true),
            "unenrolled" => standing.enrolled = Some(false),
            _ => standing.seen = true,
        }
    }
    courses.into_values().collect()
}

//! A learner's standings in courses, as a profile lists them.

use super::{
    help::{HelpReason, Status},
    standing::CourseFacts,
};
use crate::{
    context::ReadPoint,
    learner::{compact::CourseSlot, history::Membership, state::Learner},
};

/// The most courses in a profile.
pub const COURSES_LISTED_MAX: usize = 1_000;
/// The most bytes of courses in a profile; one course is listed in any case.
const COURSES_BYTES_MAX: usize = 1 << 20;
/// Size of a course or a reason in a profile besides its names, bytes: an upper bound.
const LISTED_BYTES: usize = 64;

/// A learner's standing in one course.
#[derive(Clone, Debug, PartialEq)]
pub struct CourseStanding {
    /// The course.
    pub course_id: Box<str>,
    /// Newest event in the course, ms.
    pub last_event_ms: i64,
    /// From the newest `enrolled` or `unenrolled` event.
    pub enrolled: Option<bool>,
    /// What the learner is doing.
    pub status: Status,
    /// Why the learner needs help.
    pub reasons: Vec<HelpReason>,
}

impl CourseStanding {
    /// Size in a profile, bytes: an upper bound.
    fn listed_bytes(&self) -> usize {
        let skills = self.reasons.iter().map(|reason| {
            LISTED_BYTES
                + reason
                    .skill_id
                    .as_ref()
                    .map_or(0, |skill_id| skill_id.len())
        });
        LISTED_BYTES + self.course_id.len() + skills.sum::<usize>()
    }
}

impl Learner {
    /// The learner's standings in the courses with the newest events, ties by id, as many as a
    /// profile lists. Ordered by id.
    pub fn standings(&self, at: &ReadPoint) -> Vec<CourseStanding> {
        let mut newest_first: Vec<(CourseSlot, &Membership)> = self.courses.iter().collect();
        newest_first.sort_by(|(_, one), (_, other)| {
            let by_time = other.last_event_ms.cmp(&one.last_event_ms);
            by_time.then_with(|| one.course_id().cmp(&other.course_id()))
        });
        newest_first.truncate(COURSES_LISTED_MAX);
        let facts = CourseFacts::of(self, at.floor_ms, |_| true);
        let (mut standings, mut bytes) = (Vec::new(), 0);
        for (slot, course) in newest_first {
            let standing = self.gather(slot, course, &facts);
            let standing = CourseStanding {
                course_id: course.course_id(),
                last_event_ms: standing.last_event_ms,
                enrolled: standing.enrolled,
                status: standing.status(at),
                reasons: standing.reasons(at),
            };
            bytes += standing.listed_bytes();
            if bytes > COURSES_BYTES_MAX && !standings.is_empty() {
                break;
            }
            standings.push(standing);
        }
        standings.sort_by(|a, b| a.course_id.cmp(&b.course_id));
        standings
    }
}

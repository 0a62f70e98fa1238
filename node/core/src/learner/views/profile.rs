//! Fusion: a learner's profile joins the data of all sources.

use std::collections::BTreeMap;

use super::{
    accuracy::Accuracy,
    course_standing::CourseStanding,
    window::{Window, WindowQuery},
};
use crate::{
    EventType, WindowShape,
    context::ReadPoint,
    learner::{
        attempts::{AttemptRef, SKILLS_KEPT},
        compact::{EventKey, Text},
        history::{Interaction, Session},
        state::Learner,
    },
    time::{MINUTE_MS, PANE_MS, floor_to},
};

/// Number of attempts in a profile.
const ASSESSMENTS_SHOWN: usize = 10;

/// The current state of a learner, as reads return it.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The learner.
    pub user_id: Box<str>,
    /// Newest accepted event, ms.
    pub last_event_ms: i64,
    /// Number of accepted events, ever.
    pub events: u64,
    /// The session with the newest event.
    pub session: Option<Session>,
    /// Those with the newest events, as many as a profile lists; ordered by id.
    pub courses: Vec<CourseStanding>,
    /// Number of courses that are not listed.
    pub other_courses: usize,
    /// The 30 s up to the shard's event clock; `None` without an event in them.
    pub sliding_window: Option<Window>,
    /// The newest minute with an event of this learner, if it is within the retention.
    pub last_window: Option<Window>,
    /// Newest first.
    pub last_interactions: Vec<Interaction>,
    /// Newest first.
    pub last_assessments: Vec<Assessment>,
    /// Over all skills.
    pub accuracy: Accuracy,
    /// By skill: at most 256 skills, those with the newest attempts.
    pub skills: BTreeMap<Box<str>, Accuracy>,
}

/// A scored attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// Key of its newest event.
    pub key: EventKey,
    /// Type of that event.
    pub event_type: EventType,
    /// Course of that event.
    pub course_id: Option<Box<str>>,
    /// The object that was attempted.
    pub object_id: Option<Box<str>>,
    /// The id that its events share.
    pub attempt_id: Option<Box<str>>,
    /// The skill that was tested.
    pub skill_id: Option<Box<str>>,
    /// Score / maximum in millionths.
    pub score_millionths: u32,
}

impl Learner {
    /// The learner's profile at a read point.
    pub fn profile(&self, at: &ReadPoint) -> Profile {
        let attempts: Vec<AttemptRef<'_>> = self.attempts.newest_first().collect();
        let courses = self.standings(at);
        Profile {
            user_id: self.user_id.clone(),
            last_event_ms: self.last_event_ms,
            events: self.events,
            session: self.sessions.present(at.watermark_ms),
            other_courses: self.courses() - courses.len(),
            courses,
            sliding_window: self.sliding_window(at),
            last_window: self.last_window(at),
            last_interactions: self.last_interactions.read_all(&self.courses),
            last_assessments: attempts
                .iter()
                .take(ASSESSMENTS_SHOWN)
                .map(|attempt| self.assessment(attempt))
                .collect(),
            accuracy: Accuracy::over(attempts.iter().map(|attempt| attempt.score_millionths)),
            skills: by_skill(&attempts),
        }
    }

    fn sliding_window(&self, at: &ReadPoint) -> Option<Window> {
        // While an entry is applied, a learner may be ahead of the published read point. Before its
        // newest half minute there may be no blocks in memory.
        let clock_ms = at.event_clock_ms.max(self.last_event_ms);
        let end_ms = floor_to(clock_ms, PANE_MS).saturating_add(PANE_MS);
        let start_ms = end_ms.saturating_sub(WindowShape::SLIDING.size_ms);
        self.window_at(WindowShape::SLIDING, start_ms, at)
    }

    fn last_window(&self, at: &ReadPoint) -> Option<Window> {
        let start_ms = floor_to(self.last_event_ms, MINUTE_MS);
        self.window_at(WindowShape::MINUTE, start_ms, at)
    }

    fn window_at(&self, shape: WindowShape, start_ms: i64, at: &ReadPoint) -> Option<Window> {
        let query = WindowQuery {
            from_ms: Some(start_ms),
            to_ms: Some(start_ms.saturating_add(1)),
            ..WindowQuery::all(shape)
        };
        self.windows(&query, at).pop()
    }

    fn assessment(&self, attempt: &AttemptRef<'_>) -> Assessment {
        let index = attempt.course.index();
        let course = index.and_then(|index| self.courses.get(index));
        let text = |text: Option<&Text>| text.map(Text::to_box);
        Assessment {
            key: attempt.place.to_key(),
            event_type: attempt.event_type(),
            course_id: course.map(|course| course.course_id()),
            object_id: text(attempt.object_id),
            attempt_id: text(attempt.attempt_id),
            skill_id: text(attempt.skill_id),
            score_millionths: attempt.score_millionths,
        }
    }
}

fn by_skill(newest_first: &[AttemptRef<'_>]) -> BTreeMap<Box<str>, Accuracy> {
    let mut attempts: BTreeMap<&Text, Vec<&AttemptRef<'_>>> = BTreeMap::new();
    for attempt in newest_first {
        let Some(skill_id) = attempt.skill_id else {
            continue;
        };
        if attempts.len() < SKILLS_KEPT || attempts.contains_key(skill_id) {
            attempts.entry(skill_id).or_default().push(attempt);
        }
    }
    attempts
        .into_iter()
        .map(|(skill_id, attempts)| {
            let scores = attempts.iter().map(|attempt| attempt.score_millionths);
            (skill_id.to_box(), Accuracy::over(scores))
        })
        .collect()
}

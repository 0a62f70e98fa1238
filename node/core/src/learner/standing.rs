//! How a learner stands in one course: what is kept for the course's view, and what that comes to at a later point.

use serde::{Deserialize, Serialize};

use super::{
    Learner, WindowQuery,
    attempt::{Attempt, ROLLING_LONG},
    course::Membership,
    help::{
        COUNTED_MAX, PASS_MILLIONTHS, REWATCHING_SPAN_MS, REWATCHING_STARTS_LEAST, Run, STUCK_LEAST,
    },
    profile::Accuracy,
    state::{StateDecodeError, decode, encode},
    window::engagement,
};
use crate::{
    WindowShape,
    shard::ReadPoint,
    time::{PANE_MS, floor_to, pane_start},
};

/// All that a learner's status, reasons, accuracy and engagement in one course are computed from.
///
/// Holds at the point at which it was gathered and at any later one, until the learner's next event: what time alone takes away
/// (attempts before the floor, panes out of the window) is left out when it is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Newest event in the course, ms.
    pub last_event_ms: i64,
    /// By the newest `enrolled` or `unenrolled`.
    pub enrolled: Option<bool>,
    /// Newest event in any course, ms.
    pub(super) learner_last_ms: i64,
    /// Newest event of the present session, ms; `None` when a `session_end` ended it.
    pub(super) session_last_ms: Option<i64>,
    /// Videos that run.
    pub(super) running: Vec<Running>,
    /// By video: when it was started, oldest first; only of videos started often enough to count.
    pub(super) starts_ms: Vec<Vec<i64>>,
    /// Time and score (millionths) of the newest attempts, newest first.
    pub(super) scores: Vec<(i64, u32)>,
    /// By skill, in the order of their ids: the wrong answers that its newest ones are.
    pub(super) wrong: Vec<Run>,
    /// Failed attempts at the item of the newest attempt.
    pub(super) stuck: Option<Run>,
    /// The panes of the 30 s before the newest event in the course, oldest first.
    panes: Vec<PaneSums>,
}

/// A video whose newest playback event is a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Running {
    pub since_ms: i64,
    pub cap_ms: u64,
    /// Newest event of the viewing, ms.
    pub last_ms: i64,
}

/// What engagement is computed from, in one pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PaneSums {
    start_ms: i64,
    clicks: u64,
    video_ms: u64,
    quiz_count: u64,
    active_ms: u64,
}

impl Standing {
    /// Whether the roster lists the learner: enrolled or seen, and not unenrolled.
    pub fn on_roster(&self) -> bool {
        self.enrolled != Some(false)
    }

    /// Rolling accuracy over the course's attempts within the retention.
    pub fn accuracy(&self, at: &ReadPoint) -> Accuracy {
        Accuracy::over(self.scores_since(at.floor_ms).map(|(_, score)| score))
    }

    /// Engagement in the course over the 30 s up to the event clock, 0 to 1; 0 when nothing happened in them.
    pub fn engagement(&self, at: &ReadPoint) -> f64 {
        let size_ms = WindowShape::SLIDING.size_ms;
        let end_ms = floor_to(at.event_clock_ms, PANE_MS).saturating_add(PANE_MS);
        let start_ms = end_ms.saturating_sub(size_ms).max(at.floor_ms);
        let within = (self.panes.iter()).filter(|pane| (start_ms..end_ms).contains(&pane.start_ms));
        let [mut clicks, mut video_ms, mut quiz_count, mut active_ms] = [0_u64; 4];
        for pane in within {
            clicks += pane.clicks;
            video_ms = video_ms.saturating_add(pane.video_ms);
            quiz_count += pane.quiz_count;
            active_ms += pane.active_ms;
        }
        engagement(clicks, video_ms, quiz_count, active_ms, size_ms)
    }

    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// From its stored form.
    ///
    /// # Errors
    /// When it is damaged or of an unknown version.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateDecodeError> {
        decode(bytes)
    }

    /// Newest first.
    pub(super) fn scores_since(&self, floor_ms: i64) -> impl Iterator<Item = (i64, u32)> {
        let scores = self.scores.iter().copied();
        scores.take_while(move |(at_ms, _)| *at_ms >= floor_ms)
    }
}

impl Learner {
    /// How the learner stands now in each course that may have changed since its floor was at `since_ms`, with the course's id.
    ///
    /// In the others nothing has: only accepted events change a course, and since then none was accepted from before that floor.
    pub fn standings_since(&self, since_ms: i64) -> impl Iterator<Item = (&str, Standing)> {
        self.courses
            .iter()
            .filter(move |course| course.last_event_ms >= since_ms)
            .map(|course| (&*course.course_id, self.gather(course, self.floor_ms())))
    }

    /// How the learner stands in a course; `None` when there is nothing between the two.
    pub fn standing(&self, course_id: &str, floor_ms: i64) -> Option<Standing> {
        let index = self.courses.index_of(course_id)?;
        Some(self.gather(self.courses.get(index)?, floor_ms))
    }

    /// The ids of all courses, in the order in which they came: the list only grows.
    pub fn course_ids(&self) -> impl ExactSizeIterator<Item = &str> {
        self.courses.ids()
    }

    pub(super) fn gather(&self, course: &Membership, floor_ms: i64) -> Standing {
        let attempts: Vec<(i64, &Attempt)> = self
            .attempts
            .newest_first()
            .map(|(key, attempt)| (key.timestamp_ms, attempt))
            // Older ones may be kept or not, which must not show.
            .take_while(|(at_ms, _)| *at_ms >= floor_ms)
            .filter(|(_, attempt)| self.is_of(attempt.course, course))
            .collect();
        let session = self.sessions.present(i64::MIN);
        Standing {
            last_event_ms: course.last_event_ms,
            enrolled: course.enrolled(),
            learner_last_ms: self.last_event_ms,
            session_last_ms: session
                .filter(|session| !session.ended)
                .map(|session| session.last_ms),
            running: self.running(course, floor_ms),
            starts_ms: self.starts(course, floor_ms),
            scores: attempts
                .iter()
                .take(ROLLING_LONG)
                .map(|(at_ms, attempt)| (*at_ms, attempt.score_millionths))
                .collect(),
            wrong: Run::wrong_by_skill(&attempts),
            stuck: stuck(&attempts),
            panes: self.newest_panes(course, floor_ms),
        }
    }

    fn is_of(&self, index: Option<super::CourseIndex>, course: &Membership) -> bool {
        index
            .and_then(|index| self.courses.get(index))
            .is_some_and(|of| of.course_id == course.course_id)
    }

    /// Only those that can still be within their cap: the event clock is never before the learner's newest event.
    fn running(&self, course: &Membership, floor_ms: i64) -> Vec<Running> {
        self.playbacks
            .since(floor_ms)
            .filter(|(_, viewing)| self.is_of(viewing.course(), course))
            .filter_map(|(_, viewing)| {
                Some(Running {
                    since_ms: viewing.running_since()?,
                    cap_ms: viewing.cap_ms(),
                    last_ms: viewing.last_ms()?,
                })
            })
            .filter(|running| {
                let ran_ms = self.last_event_ms.saturating_sub(running.since_ms);
                ran_ms.unsigned_abs() <= running.cap_ms
            })
            .collect()
    }

    fn starts(&self, course: &Membership, floor_ms: i64) -> Vec<Vec<i64>> {
        let span_start_ms = self.last_event_ms.saturating_sub(REWATCHING_SPAN_MS);
        let from_ms = span_start_ms.max(floor_ms);
        self.playbacks
            .since(from_ms)
            .filter(|(_, viewing)| self.is_of(viewing.course(), course))
            .map(|(_, viewing)| {
                let mut starts_ms: Vec<i64> = viewing.starts_since(from_ms).collect();
                starts_ms.drain(..starts_ms.len().saturating_sub(COUNTED_MAX));
                starts_ms
            })
            .filter(|starts_ms| starts_ms.len() >= REWATCHING_STARTS_LEAST)
            .collect()
    }

    fn newest_panes(&self, course: &Membership, floor_ms: i64) -> Vec<PaneSums> {
        let newest_ms = pane_start(course.last_event_ms);
        let shape = WindowShape {
            size_ms: PANE_MS,
            step_ms: PANE_MS,
        };
        let query = WindowQuery {
            from_ms: Some(newest_ms.saturating_sub(WindowShape::SLIDING.size_ms - PANE_MS)),
            to_ms: Some(newest_ms.saturating_add(PANE_MS)),
            course_id: Some(course.course_id.to_string()),
            ..WindowQuery::all(shape)
        };
        self.contents(&query, floor_ms)
            .map(|(start_ms, content)| PaneSums {
                start_ms,
                clicks: content.clicks(),
                video_ms: content.video_ms,
                quiz_count: content.quiz_count,
                active_ms: content.active_ms(),
            })
            .collect()
    }
}

/// The item of the newest attempt, when all the newest attempts at it failed.
fn stuck(newest_first: &[(i64, &Attempt)]) -> Option<Run> {
    let (_, newest) = newest_first.first()?;
    let item = newest.object_id.as_deref()?;
    let failed_ms: Vec<i64> = newest_first
        .iter()
        .filter(|(_, attempt)| attempt.object_id.as_deref() == Some(item))
        .take_while(|(_, attempt)| attempt.score_millionths < PASS_MILLIONTHS)
        .take(COUNTED_MAX)
        .map(|(at_ms, _)| *at_ms)
        .collect();
    (failed_ms.len() >= STUCK_LEAST).then(|| Run {
        skill_id: newest.skill_id.clone(),
        times_ms: failed_ms,
    })
}

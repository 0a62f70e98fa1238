//! A learner's standing in one course, as it is stored for the course's views.

use serde::{Deserialize, Serialize};

use super::{
    help::{COUNTED_MAX, FailedRun, PASS_MILLIONTHS, REWATCHING_STARTS_LEAST, STUCK_LEAST},
    profile::Accuracy,
    window::engagement,
};
use crate::{
    WindowShape,
    context::ReadPoint,
    learner::{
        attempts::{AttemptRef, ROLLING_LONG},
        compact::CourseSlot,
        history::Membership,
        playback::REWATCHING_SPAN_MS,
        state::Learner,
    },
    time::{PANE_MS, floor_to, pane_start},
    wire::{self, DecodeError},
};

/// Version of the encoding.
const STANDING_VERSION: u8 = 1;

/// The data that status, reasons, accuracy and engagement in one course are computed from.
///
/// It is valid until the learner's next event. What expires with time (attempts before the floor,
/// panes outside the window) is filtered when it is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Newest event in the course, ms.
    pub last_event_ms: i64,
    /// From the newest `enrolled` or `unenrolled` event.
    pub enrolled: Option<bool>,
    /// Newest event in any course, ms.
    pub(super) learner_last_ms: i64,
    /// Newest event of the present session, ms; `None` if a `session_end` ended it.
    pub(super) session_last_ms: Option<i64>,
    /// Videos that are playing.
    pub(super) running: Vec<Running>,
    /// Start times by video, oldest first, ms. Only videos started often enough to count.
    pub(super) starts_ms: Vec<Vec<i64>>,
    /// Time and score (millionths) of the newest attempts, newest first.
    pub(super) scores: Vec<(i64, u32)>,
    /// Wrong answers in a row, ordered by skill.
    pub(super) wrong: Vec<FailedRun>,
    /// Failed attempts at the object of the newest attempt.
    pub(super) stuck: Option<FailedRun>,
    /// Panes of the 30 s before the newest event in the course, oldest first.
    panes: Vec<PaneSums>,
}

/// A viewing whose newest playback event is a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Running {
    pub since_ms: i64,
    pub cap_ms: u64,
    /// Newest event of the viewing, ms.
    pub last_ms: i64,
}

/// The sums of one pane that engagement is computed from.
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

    /// Engagement in the course over the 30 s up to the event clock, 0 to 1; 0 without events.
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

    /// The stored form.
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(STANDING_VERSION, self)
    }

    /// Decodes the stored form.
    ///
    /// # Errors
    /// When the bytes are damaged or of an unknown version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        wire::decode(STANDING_VERSION, bytes)
    }

    /// Attempts not before the floor, newest first.
    pub(super) fn scores_since(&self, floor_ms: i64) -> impl Iterator<Item = (i64, u32)> {
        let scores = self.scores.iter().copied();
        scores.take_while(move |(at_ms, _)| *at_ms >= floor_ms)
    }
}

impl Learner {
    /// The current standings in all courses that may have changed since the floor was at
    /// `since_ms`, with the course ids.
    ///
    /// The other courses are unchanged: only accepted events change a course, and none from before
    /// that floor was accepted since.
    pub fn standings_since(&self, since_ms: i64) -> impl Iterator<Item = (Box<str>, Standing)> {
        self.courses
            .iter()
            .filter(move |(_, course)| course.last_event_ms >= since_ms)
            .map(|(slot, course)| {
                (
                    course.course_id(),
                    self.gather(slot, course, self.floor_ms()),
                )
            })
    }

    /// The standing in a course; `None` if the learner was neither seen in it nor enrolled.
    pub fn standing(&self, course_id: &str, floor_ms: i64) -> Option<Standing> {
        let index = self.courses.index_of(course_id)?;
        let course = self.courses.get(index)?;
        Some(self.gather(CourseSlot::of(Some(index)), course, floor_ms))
    }

    /// Number of courses in which the learner was seen or enrolled. It only grows.
    pub fn courses(&self) -> usize {
        self.courses.iter().len()
    }

    /// The ids of the courses from an index on, in order of arrival.
    pub fn course_ids_from(&self, known: usize) -> impl Iterator<Item = Box<str>> {
        let courses = self.courses.iter().skip(known);
        courses.map(|(_, course)| course.course_id())
    }

    pub(super) fn gather(&self, slot: CourseSlot, course: &Membership, floor_ms: i64) -> Standing {
        let attempts: Vec<AttemptRef<'_>> = self
            .attempts
            .newest_first()
            // Older attempts may be in memory or not. They must not change the result.
            .take_while(|attempt| attempt.place.timestamp_ms >= floor_ms)
            .filter(|attempt| attempt.course == slot)
            .take(ROLLING_LONG)
            .collect();
        let scores = attempts.iter();
        Standing {
            last_event_ms: course.last_event_ms,
            enrolled: course.enrolled(),
            learner_last_ms: self.last_event_ms,
            session_last_ms: self.sessions.present_last_ms(),
            running: self.running(slot, floor_ms),
            starts_ms: self.starts(slot, floor_ms),
            scores: scores
                .map(|attempt| (attempt.place.timestamp_ms, attempt.score_millionths))
                .collect(),
            wrong: FailedRun::wrong_by_skill(&attempts),
            stuck: stuck(&attempts),
            panes: self.newest_panes(slot, course, floor_ms),
        }
    }

    /// Only videos that can still be within their cap: the event clock is never before the
    /// learner's newest event.
    fn running(&self, slot: CourseSlot, floor_ms: i64) -> Vec<Running> {
        self.playbacks
            .since(floor_ms)
            .filter(|viewing| viewing.course() == slot)
            .filter_map(|viewing| {
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

    fn starts(&self, slot: CourseSlot, floor_ms: i64) -> Vec<Vec<i64>> {
        let span_start_ms = self.last_event_ms.saturating_sub(REWATCHING_SPAN_MS);
        let from_ms = span_start_ms.max(floor_ms);
        self.playbacks
            .since(from_ms)
            .filter(|viewing| viewing.course() == slot)
            .map(|viewing| {
                let mut starts_ms: Vec<i64> = viewing.starts_since(from_ms).collect();
                starts_ms.drain(..starts_ms.len().saturating_sub(COUNTED_MAX));
                starts_ms
            })
            .filter(|starts_ms| starts_ms.len() >= REWATCHING_STARTS_LEAST)
            .collect()
    }

    /// Sums of the course's panes, as far as views can still show them: the event clock is never
    /// before the learner's newest event.
    fn newest_panes(&self, slot: CourseSlot, course: &Membership, floor_ms: i64) -> Vec<PaneSums> {
        let newest_ms = pane_start(course.last_event_ms);
        let from_ms = pane_start(self.last_event_ms)
            .saturating_sub(WindowShape::SLIDING.size_ms - PANE_MS)
            .max(floor_ms);
        let end_ms = newest_ms.saturating_add(PANE_MS);
        let mut sums: Vec<PaneSums> = Vec::new();
        for (block, start_ms, pane) in self.blocks.panes_between(from_ms, end_ms) {
            let counts = block.counts(pane);
            let counts = counts.filter(|count| CourseSlot::of(count.course) == slot);
            let folded = counts.fold(None, |sums: Option<PaneSums>, count| {
                let mut sums = sums.unwrap_or(PaneSums::empty(start_ms));
                if count.is_clicks() {
                    sums.clicks += u64::from(count.events);
                }
                if count.is_activity() {
                    sums.active_ms = PANE_MS.unsigned_abs();
                }
                Some(sums)
            });
            sums.extend(folded);
        }
        let Some(first_ms) = sums.first().map(|pane| pane.start_ms) else {
            return sums;
        };
        let mut add = |at_ms: i64, add: &dyn Fn(&mut PaneSums)| {
            let start_ms = pane_start(at_ms);
            if let Ok(at) = sums.binary_search_by_key(&start_ms, |pane| pane.start_ms) {
                add(&mut sums[at]);
            }
        };
        for viewing in self.playbacks.since(first_ms) {
            let credits = viewing.credits();
            for credit in credits.filter(|credit| CourseSlot::of(credit.course) == slot) {
                add(credit.timestamp_ms, &|pane| {
                    pane.video_ms = pane.video_ms.saturating_add(credit.watched_ms);
                });
            }
        }
        let attempts = self.attempts.between(first_ms, end_ms);
        for attempt in attempts.filter(|attempt| attempt.is_quiz && attempt.course == slot) {
            add(attempt.place.timestamp_ms, &|pane| pane.quiz_count += 1);
        }
        sums
    }
}

impl PaneSums {
    fn empty(start_ms: i64) -> Self {
        Self {
            start_ms,
            clicks: 0,
            video_ms: 0,
            quiz_count: 0,
            active_ms: 0,
        }
    }
}

/// The failed attempts at the newest attempt's object, if they are the newest ones at it and
/// enough.
fn stuck(newest_first: &[AttemptRef<'_>]) -> Option<FailedRun> {
    let newest = newest_first.first()?;
    let item = newest.object_id?;
    let failed_ms: Vec<i64> = newest_first
        .iter()
        .filter(|attempt| attempt.object_id == Some(item))
        .take_while(|attempt| attempt.score_millionths < PASS_MILLIONTHS)
        .map(|attempt| attempt.place.timestamp_ms)
        .collect();
    (failed_ms.len() >= STUCK_LEAST).then(|| FailedRun {
        skill_id: newest.skill_id.map(|id| id.to_box()),
        times_ms: failed_ms,
    })
}

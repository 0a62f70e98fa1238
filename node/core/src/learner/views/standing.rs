//! A learner's standing in one course, as it is stored for the course's views.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    accuracy::Accuracy,
    help::{COUNTED_MAX, FailedRun, PASS_MILLIONTHS, REWATCHING_STARTS_LEAST, STUCK_LEAST},
    window::engagement,
};
use crate::{
    WindowShape,
    context::ReadPoint,
    learner::{
        attempts::{AttemptRef, ROLLING_LONG},
        compact::{CourseIndex, CourseSlot},
        history::Membership,
        playback::{REWATCHING_SPAN_MS, Viewing},
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
        let floor_ms = self.floor_ms();
        let facts = CourseFacts::of(self, floor_ms, |_| true);
        let mut panes = self.newest_panes(floor_ms, |_| true);
        self.courses
            .iter()
            .filter(move |(_, course)| course.last_event_ms >= since_ms)
            .map(move |(slot, course)| {
                let panes = panes.remove(&slot.index()).unwrap_or_default();
                let standing = self.gather(slot, course, &facts);
                (course.course_id(), Standing { panes, ..standing })
            })
    }

    /// The standing in a course; `None` if the learner was neither seen in it nor enrolled.
    pub fn standing(&self, course_id: &str, floor_ms: i64) -> Option<Standing> {
        let index = self.courses.index_of(course_id)?;
        let course = self.courses.get(index)?;
        let slot = CourseSlot::of(Some(index));
        let facts = CourseFacts::of(self, floor_ms, |of| of == slot);
        let mut panes = self.newest_panes(floor_ms, |of| of == slot);
        let panes = panes.remove(&slot.index()).unwrap_or_default();
        let standing = self.gather(slot, course, &facts);
        Some(Standing { panes, ..standing })
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

    /// The standing without its panes, which only engagement needs.
    pub(super) fn gather(
        &self,
        slot: CourseSlot,
        course: &Membership,
        facts: &CourseFacts<'_>,
    ) -> Standing {
        let attempts = facts.attempts.get(&slot.index());
        let attempts = attempts.map_or(&[][..], Vec::as_slice);
        let viewings = facts.viewings.get(&slot.index());
        let viewings = viewings.map_or(&[][..], Vec::as_slice);
        let scores = attempts.iter();
        Standing {
            last_event_ms: course.last_event_ms,
            enrolled: course.enrolled(),
            learner_last_ms: self.last_event_ms,
            session_last_ms: self.sessions.present_last_ms(),
            running: self.running(viewings),
            starts_ms: self.starts(viewings, facts.floor_ms),
            scores: scores
                .map(|attempt| (attempt.place.timestamp_ms, attempt.score_millionths))
                .collect(),
            wrong: FailedRun::wrong_by_skill(attempts),
            stuck: stuck(attempts),
            panes: Vec::new(),
        }
    }

    /// Only videos that can still be within their cap: the event clock is never before the
    /// learner's newest event.
    fn running(&self, viewings: &[&Viewing]) -> Vec<Running> {
        let running = viewings.iter().filter_map(|viewing| {
            Some(Running {
                since_ms: viewing.running_since()?,
                cap_ms: viewing.cap_ms(),
                last_ms: viewing.last_ms()?,
            })
        });
        running
            .filter(|running| {
                let ran_ms = self.last_event_ms.saturating_sub(running.since_ms);
                ran_ms.unsigned_abs() <= running.cap_ms
            })
            .collect()
    }

    fn starts(&self, viewings: &[&Viewing], floor_ms: i64) -> Vec<Vec<i64>> {
        let span_start_ms = self.last_event_ms.saturating_sub(REWATCHING_SPAN_MS);
        let from_ms = span_start_ms.max(floor_ms);
        let starts = viewings.iter().map(|viewing| {
            let mut starts_ms: Vec<i64> = viewing.starts_since(from_ms).collect();
            starts_ms.drain(..starts_ms.len().saturating_sub(COUNTED_MAX));
            starts_ms
        });
        starts
            .filter(|starts_ms| starts_ms.len() >= REWATCHING_STARTS_LEAST)
            .collect()
    }

    /// Sums of the panes of the wanted courses, as far as views can still show them: the event
    /// clock is never before the learner's newest event. In one pass, whatever the number of
    /// courses.
    fn newest_panes(
        &self,
        floor_ms: i64,
        is_wanted: impl Fn(CourseSlot) -> bool,
    ) -> BTreeMap<Option<CourseIndex>, Vec<PaneSums>> {
        let from_ms = pane_start(self.last_event_ms)
            .saturating_sub(WindowShape::SLIDING.size_ms - PANE_MS)
            .max(floor_ms);
        let mut sums: BTreeMap<Option<CourseIndex>, Vec<PaneSums>> = BTreeMap::new();
        for (block, start_ms, pane) in self.blocks.panes_between(from_ms, i64::MAX) {
            let counts = block.counts(pane);
            for count in counts.filter(|count| is_wanted(CourseSlot::of(count.course))) {
                let panes = sums.entry(count.course).or_default();
                if panes.last().is_none_or(|last| last.start_ms != start_ms) {
                    panes.push(PaneSums::empty(start_ms));
                }
                if let Some(sums) = panes.last_mut() {
                    if count.is_clicks() {
                        sums.clicks += u64::from(count.events);
                    }
                    if count.is_activity() {
                        sums.active_ms = PANE_MS.unsigned_abs();
                    }
                }
            }
        }
        if sums.is_empty() {
            return sums;
        }
        let mut add = |at_ms: i64, course: Option<CourseIndex>, add: &dyn Fn(&mut PaneSums)| {
            let start_ms = pane_start(at_ms);
            if let Some(panes) = sums.get_mut(&course)
                && let Ok(at) = panes.binary_search_by_key(&start_ms, |pane| pane.start_ms)
            {
                add(&mut panes[at]);
            }
        };
        for viewing in self.playbacks.since(from_ms) {
            for credit in viewing.credits_between(from_ms, i64::MAX) {
                add(credit.timestamp_ms, credit.course, &|pane| {
                    pane.video_ms = pane.video_ms.saturating_add(credit.watched_ms);
                });
            }
        }
        let attempts = self.attempts.between(from_ms, i64::MAX);
        for attempt in attempts.filter(|attempt| attempt.is_quiz) {
            let course = attempt.course.index();
            add(attempt.place.timestamp_ms, course, &|pane| {
                pane.quiz_count += 1
            });
        }
        sums
    }
}

/// What standings are computed from, by course, gathered in one pass.
pub(super) struct CourseFacts<'l> {
    floor_ms: i64,
    /// At most [`ROLLING_LONG`] of each course, newest first.
    attempts: BTreeMap<Option<CourseIndex>, Vec<AttemptRef<'l>>>,
    /// By the course of the newest event.
    viewings: BTreeMap<Option<CourseIndex>, Vec<&'l Viewing>>,
}

impl<'l> CourseFacts<'l> {
    /// The facts of the wanted courses since the floor, ms.
    pub fn of(learner: &'l Learner, floor_ms: i64, is_wanted: impl Fn(CourseSlot) -> bool) -> Self {
        let mut facts = Self {
            floor_ms,
            attempts: BTreeMap::new(),
            viewings: BTreeMap::new(),
        };
        // Attempts before the floor may be in memory or not. They must not change the result.
        let attempts = learner.attempts.newest_first();
        let live = attempts.take_while(|attempt| attempt.place.timestamp_ms >= floor_ms);
        for attempt in live.filter(|attempt| is_wanted(attempt.course)) {
            let newest = facts.attempts.entry(attempt.course.index()).or_default();
            if newest.len() < ROLLING_LONG {
                newest.push(attempt);
            }
        }
        for viewing in learner.playbacks.since(floor_ms) {
            let course = viewing.course();
            if is_wanted(course) {
                let viewings = facts.viewings.entry(course.index()).or_default();
                viewings.push(viewing);
            }
        }
        facts
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

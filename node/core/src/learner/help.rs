//! Why someone needs help: what an instructor would notice, were there only one learner to look at.

use std::collections::BTreeMap;

use super::{Attempt, EventKey, Learner, attempt::ROLLING_SHORT, course::Membership};
use crate::{shard::ReadPoint, time::MINUTE_MS};

/// Below this a score counts as wrong, millionths.
const PASS_MILLIONTHS: u32 = 500_000;
/// So many wrong answers in a row on one skill are a reason.
const WRONG_IN_A_ROW_LEAST: u32 = 3;
/// So many failed attempts at one item, the newest among them, are a reason.
const STUCK_ATTEMPTS_LEAST: u32 = 3;
/// Silence within a session that is a reason, ms.
const IDLE_IN_SESSION_MS: i64 = 5 * MINUTE_MS;
/// How far back restarts of a video are counted, ms.
const REWATCHING_SPAN_MS: i64 = 10 * MINUTE_MS;
/// So many starts of one video within that span are a reason.
const REWATCHING_STARTS_LEAST: usize = 4;
/// A fall of the short rolling accuracy below the long one that is a reason.
const DROP_LEAST: f64 = 0.2;
/// Attempts needed before a drop means anything.
const DROP_ATTEMPTS_LEAST: u32 = 10;
/// An event within this of the shard's event clock makes a learner active, ms.
const ACTIVE_MS: i64 = 2 * MINUTE_MS;
/// An event within this of the shard's event clock makes a learner idle rather than away, ms.
const IDLE_MS: i64 = 20 * MINUTE_MS;

/// What a learner is doing, by the shard's event clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// An event within 2 min.
    Active,
    /// The newest playback event is a start, within its cap.
    Watching,
    /// An event within 20 min.
    Idle,
    /// Neither.
    Away,
}

/// Which pattern asks for help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HelpCode {
    /// At least three wrong answers in a row on one skill.
    WrongInARow,
    /// At least three failed attempts at one item without success.
    StuckOnItem,
    /// A session goes on, but nothing has happened for 5 min.
    IdleInSession,
    /// One video started four times within 10 min.
    Rewatching,
    /// Accuracy over the newest 5 attempts is 0.2 below that over 20.
    DroppingAccuracy,
}

/// A reason why someone needs help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelpReason {
    /// The pattern.
    pub code: HelpCode,
    /// The skill, where the pattern is about one.
    pub skill_id: Option<Box<str>>,
    /// How many events or attempts make it up.
    pub count: u32,
    /// When it began, ms.
    pub since_ms: i64,
}

impl HelpCode {
    /// The name that answers carry.
    pub fn name(self) -> &'static str {
        match self {
            Self::WrongInARow => "wrong_in_a_row",
            Self::StuckOnItem => "stuck_on_item",
            Self::IdleInSession => "idle_in_session",
            Self::Rewatching => "rewatching",
            Self::DroppingAccuracy => "dropping_accuracy",
        }
    }
}

impl Learner {
    /// What the learner is doing in a course.
    pub fn status(&self, course: &Membership, at: &ReadPoint) -> Status {
        let silent_ms = at.event_clock_ms.saturating_sub(course.last_event_ms);
        if silent_ms <= ACTIVE_MS {
            Status::Active
        } else if self.watching(course, at) {
            Status::Watching
        } else if silent_ms <= IDLE_MS {
            Status::Idle
        } else {
            Status::Away
        }
    }

    /// Why the learner needs help in a course, in the order of the codes.
    pub fn help_reasons(&self, course: &Membership, at: &ReadPoint) -> Vec<HelpReason> {
        if self.status(course, at) == Status::Away {
            return Vec::new();
        }
        let attempts: Vec<(&EventKey, &Attempt)> = self
            .attempts
            .newest_first()
            // Older ones may be kept or not, which must not show.
            .take_while(|(key, _)| key.timestamp_ms >= at.floor_ms)
            .filter(|(_, attempt)| self.is_of(attempt.course, course))
            .collect();
        let mut reasons = wrong_in_a_row(&attempts);
        reasons.extend(stuck_on_item(&attempts));
        reasons.extend(self.idle_in_session(course, at));
        reasons.extend(self.rewatching(course, at));
        reasons.extend(dropping_accuracy(&attempts));
        reasons
    }

    fn is_of(&self, index: Option<super::CourseIndex>, course: &Membership) -> bool {
        index
            .and_then(|index| self.courses.get(index))
            .is_some_and(|of| of.course_id == course.course_id)
    }

    fn watching(&self, course: &Membership, at: &ReadPoint) -> bool {
        self.playbacks.since(at.floor_ms).any(|(_, viewing)| {
            self.is_of(viewing.course(), course)
                && viewing.running_since().is_some_and(|since_ms| {
                    at.event_clock_ms.saturating_sub(since_ms).unsigned_abs() <= viewing.cap_ms()
                })
        })
    }

    fn idle_in_session(&self, course: &Membership, at: &ReadPoint) -> Option<HelpReason> {
        let session = self
            .sessions
            .present(at.watermark_ms)
            .filter(|session| !session.ended)?;
        let silent_ms = at.event_clock_ms.saturating_sub(self.last_event_ms);
        (silent_ms >= IDLE_IN_SESSION_MS
            && session.last_ms == course.last_event_ms
            && !self.watching(course, at))
        .then_some(HelpReason {
            code: HelpCode::IdleInSession,
            skill_id: None,
            count: 1,
            since_ms: session.last_ms,
        })
    }

    fn rewatching(&self, course: &Membership, at: &ReadPoint) -> Option<HelpReason> {
        let span_start_ms = at.event_clock_ms.saturating_sub(REWATCHING_SPAN_MS);
        let from_ms = span_start_ms.max(at.floor_ms);
        let (_, viewing) = self
            .playbacks
            .since(from_ms)
            .filter(|(_, viewing)| self.is_of(viewing.course(), course))
            .max_by_key(|(_, viewing)| viewing.restarts_since(from_ms))?;
        let starts = viewing.restarts_since(from_ms);
        (starts >= REWATCHING_STARTS_LEAST).then_some(HelpReason {
            code: HelpCode::Rewatching,
            skill_id: None,
            count: u32::try_from(starts).unwrap_or(u32::MAX),
            since_ms: viewing.first_start_since(from_ms)?,
        })
    }
}

/// For each skill whose newest answers are wrong, the length of that run.
fn wrong_in_a_row(newest_first: &[(&EventKey, &Attempt)]) -> Vec<HelpReason> {
    let mut runs: BTreeMap<Option<&str>, (u32, i64, bool)> = BTreeMap::new();
    for (key, attempt) in newest_first {
        let (count, since_ms, over) = runs.entry(attempt.skill_id.as_deref()).or_default();
        *over |= attempt.score_millionths >= PASS_MILLIONTHS;
        if !*over {
            *count += 1;
            *since_ms = key.timestamp_ms;
        }
    }
    runs.into_iter()
        .filter(|(_, (count, ..))| *count >= WRONG_IN_A_ROW_LEAST)
        .map(|(skill_id, (count, since_ms, _))| HelpReason {
            code: HelpCode::WrongInARow,
            skill_id: skill_id.map(Into::into),
            count,
            since_ms,
        })
        .collect()
}

/// The item of the newest attempt, when all the newest attempts at it failed.
fn stuck_on_item(newest_first: &[(&EventKey, &Attempt)]) -> Option<HelpReason> {
    let (_, newest) = newest_first.first()?;
    let item = newest.object_id.as_deref()?;
    let failed: Vec<_> = newest_first
        .iter()
        .filter(|(_, attempt)| attempt.object_id.as_deref() == Some(item))
        .take_while(|(_, attempt)| attempt.score_millionths < PASS_MILLIONTHS)
        .collect();
    let count = u32::try_from(failed.len()).unwrap_or(u32::MAX);
    (count >= STUCK_ATTEMPTS_LEAST).then_some(HelpReason {
        code: HelpCode::StuckOnItem,
        skill_id: newest.skill_id.clone(),
        count,
        since_ms: failed.last()?.0.timestamp_ms,
    })
}

fn dropping_accuracy(newest_first: &[(&EventKey, &Attempt)]) -> Option<HelpReason> {
    let accuracy = super::profile::Accuracy::over(newest_first.iter().map(|(_, attempt)| *attempt));
    let falls = accuracy.last20? - accuracy.last5? >= DROP_LEAST;
    (falls && accuracy.attempts >= DROP_ATTEMPTS_LEAST).then_some(HelpReason {
        code: HelpCode::DroppingAccuracy,
        skill_id: None,
        count: accuracy.attempts,
        since_ms: newest_first.get(ROLLING_SHORT - 1)?.0.timestamp_ms,
    })
}

//! Why someone needs help: what an instructor would notice, were there only one learner to look at.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::standing::Standing;
use crate::{
    learner::{
        attempts::{attempt::Seen, list::ROLLING_SHORT},
        compact::text::Text,
        history::session::SESSION_GAP_MS,
    },
    shard::ReadPoint,
    time::MINUTE_MS,
};

/// Below this a score counts as wrong, millionths.
pub(in crate::learner) const PASS_MILLIONTHS: u32 = 500_000;
/// So many wrong answers in a row on one skill are a reason.
const WRONG_IN_A_ROW_LEAST: usize = 3;
/// Starts of a video are counted to here, the newest first: keeps what is stored of a learner small.
pub(in crate::learner) const COUNTED_MAX: usize = 1_000;
/// So many failed attempts at one item, the newest among them, are a reason.
pub(in crate::learner) const STUCK_LEAST: usize = 3;
/// Silence within a session that is a reason, ms.
const IDLE_IN_SESSION_MS: i64 = 5 * MINUTE_MS;
/// How far back restarts of a video are counted, ms.
pub(in crate::learner) const REWATCHING_SPAN_MS: i64 = 10 * MINUTE_MS;
/// So many starts of one video within that span are a reason.
pub(in crate::learner) const REWATCHING_STARTS_LEAST: usize = 4;
/// A fall of the short rolling accuracy below the long one that is a reason.
const DROP_LEAST: f64 = 0.2;
/// Attempts needed before a drop means anything.
const DROP_ATTEMPTS_LEAST: u32 = 10;
/// An event within this of the shard's event clock makes a learner active, ms.
const ACTIVE_MS: i64 = 2 * MINUTE_MS;
/// An event within this of the shard's event clock makes a learner idle rather than away, ms.
const IDLE_MS: i64 = 20 * MINUTE_MS;

/// What a learner is doing, by the event clock.
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

/// Failed attempts without a success after them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::learner) struct Run {
    pub skill_id: Option<Box<str>>,
    /// Newest first.
    pub times_ms: Vec<i64>,
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

impl Run {
    /// For each skill whose newest answers are wrong, those answers, when they are enough to be a reason.
    pub fn wrong_by_skill(newest_first: &[Seen<'_>]) -> Vec<Self> {
        let mut runs: BTreeMap<Option<&Text>, (Vec<i64>, bool)> = BTreeMap::new();
        for attempt in newest_first {
            let (times_ms, over) = runs.entry(attempt.skill_id).or_default();
            *over |= attempt.score_millionths >= PASS_MILLIONTHS;
            if !*over {
                times_ms.push(attempt.place.timestamp_ms);
            }
        }
        runs.into_iter()
            .filter(|(_, (times_ms, _))| times_ms.len() >= WRONG_IN_A_ROW_LEAST)
            .map(|(skill_id, (times_ms, _))| Self {
                skill_id: skill_id.map(Text::to_box),
                times_ms,
            })
            .collect()
    }

    fn reason(&self, code: HelpCode, least: usize, floor_ms: i64) -> Option<HelpReason> {
        let live = self.times_ms.partition_point(|at_ms| *at_ms >= floor_ms);
        let since_ms = *self.times_ms[..live].last()?;
        (live >= least).then(|| HelpReason {
            code,
            skill_id: self.skill_id.clone(),
            count: u32::try_from(live).unwrap_or(u32::MAX),
            since_ms,
        })
    }
}

impl Standing {
    /// What the learner is doing in the course.
    pub fn status(&self, at: &ReadPoint) -> Status {
        let silent_ms = at.event_clock_ms.saturating_sub(self.last_event_ms);
        if silent_ms <= ACTIVE_MS {
            Status::Active
        } else if self.is_watching(at) {
            Status::Watching
        } else if silent_ms <= IDLE_MS {
            Status::Idle
        } else {
            Status::Away
        }
    }

    /// Why the learner needs help in the course, in the order of the codes.
    pub fn reasons(&self, at: &ReadPoint) -> Vec<HelpReason> {
        if self.status(at) == Status::Away {
            return Vec::new();
        }
        let wrong = self
            .wrong
            .iter()
            .filter_map(|run| run.reason(HelpCode::WrongInARow, WRONG_IN_A_ROW_LEAST, at.floor_ms));
        let stuck = self.stuck.as_ref();
        let mut reasons: Vec<HelpReason> = wrong.collect();
        reasons.extend(
            stuck.and_then(|run| run.reason(HelpCode::StuckOnItem, STUCK_LEAST, at.floor_ms)),
        );
        reasons.extend(self.idle_in_session(at));
        reasons.extend(self.rewatching(at));
        reasons.extend(self.dropping_accuracy(at));
        reasons
    }

    fn is_watching(&self, at: &ReadPoint) -> bool {
        self.running.iter().any(|running| {
            let ran_ms = at.event_clock_ms.saturating_sub(running.since_ms);
            running.last_ms >= at.floor_ms && ran_ms.unsigned_abs() <= running.cap_ms
        })
    }

    fn idle_in_session(&self, at: &ReadPoint) -> Option<HelpReason> {
        let last_ms = self.session_last_ms?;
        let goes_on = at.watermark_ms.saturating_sub(last_ms) <= SESSION_GAP_MS;
        let silent_ms = at.event_clock_ms.saturating_sub(self.learner_last_ms);
        (goes_on
            && silent_ms >= IDLE_IN_SESSION_MS
            && last_ms == self.last_event_ms
            && !self.is_watching(at))
        .then_some(HelpReason {
            code: HelpCode::IdleInSession,
            skill_id: None,
            count: 1,
            since_ms: last_ms,
        })
    }

    /// Of the video started most often.
    fn rewatching(&self, at: &ReadPoint) -> Option<HelpReason> {
        let span_start_ms = at.event_clock_ms.saturating_sub(REWATCHING_SPAN_MS);
        let from_ms = span_start_ms.max(at.floor_ms);
        let starts = self.starts_ms.iter().map(|starts_ms| {
            let first = starts_ms.partition_point(|at_ms| *at_ms < from_ms);
            &starts_ms[first..]
        });
        let starts = starts.max_by_key(|starts_ms| starts_ms.len())?;
        (starts.len() >= REWATCHING_STARTS_LEAST).then_some(HelpReason {
            code: HelpCode::Rewatching,
            skill_id: None,
            count: u32::try_from(starts.len()).unwrap_or(u32::MAX),
            since_ms: *starts.first()?,
        })
    }

    fn dropping_accuracy(&self, at: &ReadPoint) -> Option<HelpReason> {
        let accuracy = self.accuracy(at);
        let falls = accuracy.last20? - accuracy.last5? >= DROP_LEAST;
        (falls && accuracy.attempts >= DROP_ATTEMPTS_LEAST).then_some(HelpReason {
            code: HelpCode::DroppingAccuracy,
            skill_id: None,
            count: accuracy.attempts,
            since_ms: self.scores.get(ROLLING_SHORT - 1)?.0,
        })
    }
}

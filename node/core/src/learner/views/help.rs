//! Reasons why a learner needs help, and the runs of failed attempts behind some of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::learner::{attempts::AttemptRef, compact::Text};

/// A score below this counts as wrong, millionths.
pub const PASS_MILLIONTHS: u32 = 500_000;
/// Wrong answers in a row on one skill that are a reason.
pub const WRONG_IN_A_ROW_LEAST: usize = 3;
/// The most starts of a video that are counted, newest first. It bounds the stored size of a
/// standing.
pub const COUNTED_MAX: usize = 1_000;
/// Failed attempts at one item, including the newest, that are a reason.
pub const STUCK_LEAST: usize = 3;
/// Starts of one video within the span that are a reason.
pub const REWATCHING_STARTS_LEAST: usize = 4;

/// What a learner is doing, measured on the event clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// An event within the last 2 min.
    Active,
    /// The newest playback event is a start, within its cap.
    Watching,
    /// An event within the last 20 min.
    Idle,
    /// None of these.
    Away,
}

/// The pattern behind a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HelpCode {
    /// At least three wrong answers in a row on one skill.
    WrongInARow,
    /// At least three failed attempts at one item without success.
    StuckOnItem,
    /// An open session without an event for 5 min.
    IdleInSession,
    /// One video started four times within 10 min.
    Rewatching,
    /// The accuracy of the newest 5 attempts is at least 0.2 below that of the newest 20.
    DroppingAccuracy,
}

/// A reason why someone needs help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelpReason {
    /// The pattern found.
    pub code: HelpCode,
    /// The skill, if the pattern is about one.
    pub skill_id: Option<Box<str>>,
    /// Number of events or attempts in the pattern.
    pub count: u32,
    /// Start of the pattern, ms.
    pub since_ms: i64,
}

/// Failed attempts that no success follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRun {
    pub skill_id: Option<Box<str>>,
    /// Newest first, ms.
    pub times_ms: Vec<i64>,
}

impl HelpCode {
    /// The name in answers.
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

impl FailedRun {
    /// The newest wrong answers of each skill, where they are enough for a reason.
    pub fn wrong_by_skill(newest_first: &[AttemptRef<'_>]) -> Vec<Self> {
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

    /// The reason, if at least `least` attempts are not before the floor.
    pub fn reason(&self, code: HelpCode, least: usize, floor_ms: i64) -> Option<HelpReason> {
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

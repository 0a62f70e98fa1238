//! Why someone needs help: what an instructor would notice, were there only one learner to look at.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::learner::{attempts::attempt::AttemptRef, compact::text::Text};

/// Below this a score counts as wrong, millionths.
pub const PASS_MILLIONTHS: u32 = 500_000;
/// So many wrong answers in a row on one skill are a reason.
pub const WRONG_IN_A_ROW_LEAST: usize = 3;
/// Starts of a video are counted to here, the newest first: keeps what is stored of a learner small.
pub const COUNTED_MAX: usize = 1_000;
/// So many failed attempts at one item, the newest among them, are a reason.
pub const STUCK_LEAST: usize = 3;
/// So many starts of one video within that span are a reason.
pub const REWATCHING_STARTS_LEAST: usize = 4;

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
pub struct FailedRun {
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

impl FailedRun {
    /// For each skill whose newest answers are wrong, those answers, when they are enough to be a reason.
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

    /// The reason that the run is, if enough of it is not before the floor.
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

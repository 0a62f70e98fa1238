//! A learner's status in a course, and the reasons why the learner needs help there.

use super::{
    help::{
        HelpCode, HelpReason, REWATCHING_STARTS_LEAST, STUCK_LEAST, Status, WRONG_IN_A_ROW_LEAST,
    },
    standing::Standing,
};
use crate::{
    context::ReadPoint,
    learner::{attempts::ROLLING_SHORT, history::SESSION_GAP_MS, playback::REWATCHING_SPAN_MS},
    time::MINUTE_MS,
};

/// Time without an event in an open session that is a reason, ms.
const IDLE_IN_SESSION_MS: i64 = 5 * MINUTE_MS;
/// Drop of the short rolling accuracy below the long one that is a reason.
const DROP_LEAST: f64 = 0.2;
/// Attempts needed before a drop is significant.
const DROP_ATTEMPTS_LEAST: u32 = 10;
/// A learner with an event within this of the event clock is active, ms.
const ACTIVE_MS: i64 = 2 * MINUTE_MS;
/// A learner with an event within this of the event clock is idle rather than away, ms.
const IDLE_MS: i64 = 20 * MINUTE_MS;

impl Standing {
    /// The learner's status in the course.
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

    /// The reasons in the course, in the order of the codes.
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

    /// Rewatching, for the video with the most starts.
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

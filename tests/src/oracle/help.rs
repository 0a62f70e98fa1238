//! A learner's status in a course and the reasons to look after them, recomputed from all events
//! for one point in time.

use std::collections::{BTreeMap, BTreeSet};

use super::attempt::Attempt;
use super::event::NaiveEvent;
use super::kind::{starts_playback, stops_playback};
use super::learner::NaiveLearner;
use super::window::WindowSpec;

const MINUTE_MS: i64 = 60_000;
const CAP_DEFAULT_MS: i64 = 30 * MINUTE_MS;

/// The time of a read.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The event clock.
    pub clock_ms: i64,
    /// The watermark.
    pub watermark_ms: i64,
    /// Events before this have no effect.
    pub floor_ms: i64,
}

/// A learner in a course at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct NaiveStanding {
    /// `active`, `watching`, `idle` or `away`.
    pub status: &'static str,
    /// Code, skill, count and start, sorted.
    pub reasons: BTreeSet<(&'static str, Option<String>, u32, i64)>,
    /// Mean score over the newest five and twenty attempts in the course.
    pub accuracy: (Option<f64>, Option<f64>),
    /// Engagement over the 30 s up to the clock, in the course.
    pub engagement: f64,
}

/// The events of one player that concern watching, oldest first.
type Viewing<'a> = Vec<&'a NaiveEvent>;

impl<'a> NaiveLearner<'a> {
    /// The learner's standing in a course.
    pub fn standing(&self, course_id: &str, at: Moment) -> NaiveStanding {
        let of_course = |event: &&&NaiveEvent| event.course_id.as_deref() == Some(course_id);
        let last_ms = self
            .events
            .iter()
            .filter(of_course)
            .map(|event| event.timestamp_ms)
            .max();
        let silent_ms = at.clock_ms.saturating_sub(last_ms.unwrap_or(i64::MIN));
        let watching = self.is_watching(course_id, at);
        let status = if silent_ms <= 120_000 {
            "active"
        } else if watching {
            "watching"
        } else if silent_ms <= 1_200_000 {
            "idle"
        } else {
            "away"
        };
        let attempts: Vec<Attempt<'a>> = self
            .attempts()
            .into_iter()
            .filter(|it| it.newest.course_id.as_deref() == Some(course_id))
            .filter(|it| it.newest.timestamp_ms >= at.floor_ms)
            .rev()
            .take(20)
            .collect();
        let accuracy = (mean(&attempts, 5), mean(&attempts, 20));
        let mut reasons = BTreeSet::new();
        if status != "away" {
            reasons.extend(wrong_in_a_row(&attempts));
            reasons.extend(stuck_on_item(&attempts));
            reasons.extend(dropping(&attempts, accuracy));
            reasons.extend(self.rewatching(course_id, at));
            if let (Some(last_ms), false) = (last_ms, watching) {
                reasons.extend(self.idle_in_session(last_ms, at));
            }
        }
        NaiveStanding {
            status,
            reasons,
            accuracy,
            engagement: self.engagement_now(course_id, at),
        }
    }

    fn viewings(&self, course_id: &str) -> Vec<Viewing<'a>> {
        let mut viewings: BTreeMap<_, Viewing<'a>> = BTreeMap::new();
        for event in self
            .events
            .iter()
            .copied()
            .filter(|event| tells_of_watching(event))
        {
            let player = (event.session_id.as_deref(), event.object_id.as_deref());
            viewings.entry(player).or_default().push(event);
        }
        let of_course = |viewing: &Viewing<'_>| {
            viewing
                .last()
                .is_some_and(|event| event.course_id.as_deref() == Some(course_id))
        };
        viewings.into_values().filter(of_course).collect()
    }

    fn is_watching(&self, course_id: &str, at: Moment) -> bool {
        self.viewings(course_id).iter().any(|viewing| {
            let cap_ms = viewing.iter().filter_map(|event| event.length_ms).max();
            let newest = viewing.iter().rev().find(|event| is_playback(event));
            let live = viewing
                .last()
                .is_some_and(|event| event.timestamp_ms >= at.floor_ms);
            live && newest.is_some_and(|event| {
                let ran_ms = at.clock_ms - event.timestamp_ms;
                starts_playback(&event.event_type) && ran_ms <= cap_ms.unwrap_or(CAP_DEFAULT_MS)
            })
        })
    }

    fn rewatching(
        &self,
        course_id: &str,
        at: Moment,
    ) -> Option<(&'static str, Option<String>, u32, i64)> {
        let from_ms = (at.clock_ms - 10 * MINUTE_MS).max(at.floor_ms);
        let mut most: Vec<i64> = Vec::new();
        for viewing in self.viewings(course_id) {
            let starts = viewing
                .iter()
                .filter(|event| starts_playback(&event.event_type));
            let times = starts.map(|event| event.timestamp_ms);
            let times: Vec<i64> = times.filter(|at_ms| *at_ms >= from_ms).collect();
            if times.len() >= most.len() {
                most = times;
            }
        }
        (most.len() >= 4).then(|| ("rewatching", None, most.len() as u32, most[0]))
    }

    fn idle_in_session(
        &self,
        course_last_ms: i64,
        at: Moment,
    ) -> Option<(&'static str, Option<String>, u32, i64)> {
        let newest_ms = self.events.last()?.timestamp_ms;
        let present = self.present_session()?;
        let sessions = self.sessions();
        let session = sessions
            .iter()
            .find(|session| session.session_id == present)?;
        let is_reason = !session.ended(at.watermark_ms)
            && at.clock_ms - newest_ms >= 5 * MINUTE_MS
            && session.last_ms == course_last_ms;
        is_reason.then_some(("idle_in_session", None, 1, session.last_ms))
    }

    fn engagement_now(&self, course_id: &str, at: Moment) -> f64 {
        let start_ms = at.clock_ms.div_euclid(5_000) * 5_000 - 25_000;
        let panes = WindowSpec {
            size_ms: 5_000,
            step_ms: 5_000,
            floor_ms: Some(at.floor_ms),
        };
        let panes = self.windows(panes, Some(course_id)).into_iter();
        let panes =
            panes.filter(|pane| (start_ms..start_ms + 30_000).contains(&pane.window_start_ms));
        let (mut clicks, mut quizzes, mut video_ms, mut active_ms) = (0.0, 0.0, 0.0, 0.0);
        for pane in panes {
            clicks += pane.clicks as f64;
            quizzes += pane.quiz_count as f64;
            video_ms += pane.video_ms as f64;
            active_ms += pane.active_ms as f64;
        }
        let share = |value: f64| value.min(1.0);
        0.3 * share(clicks / 6.0)
            + 0.3 * share(video_ms / 30_000.0)
            + 0.2 * share(quizzes)
            + 0.2 * share(active_ms / 30_000.0)
    }
}

fn is_playback(event: &NaiveEvent) -> bool {
    starts_playback(&event.event_type) || stops_playback(&event.event_type)
}

fn tells_of_watching(event: &NaiveEvent) -> bool {
    is_playback(event) || event.watched_ms.is_some() || event.length_ms.is_some()
}

fn mean(newest_first: &[Attempt<'_>], count: usize) -> Option<f64> {
    let newest = &newest_first[..newest_first.len().min(count)];
    let sum: i64 = newest.iter().map(|attempt| attempt.millionths).sum();
    (!newest.is_empty()).then(|| sum as f64 / newest.len() as f64 / 1_000_000.0)
}

fn is_wrong(attempt: &Attempt<'_>) -> bool {
    attempt.millionths < 500_000
}

fn wrong_in_a_row(newest_first: &[Attempt<'_>]) -> Vec<(&'static str, Option<String>, u32, i64)> {
    let skills: BTreeSet<_> = newest_first
        .iter()
        .map(|it| it.newest.skill_id.clone())
        .collect();
    let run = |skill: Option<String>| {
        let run: Vec<i64> = newest_first
            .iter()
            .filter(|it| it.newest.skill_id == skill)
            .take_while(|it| is_wrong(it))
            .map(|it| it.newest.timestamp_ms)
            .collect();
        (run.len() >= 3).then(|| {
            (
                "wrong_in_a_row",
                skill,
                run.len() as u32,
                run[run.len() - 1],
            )
        })
    };
    skills.into_iter().filter_map(run).collect()
}

fn stuck_on_item(newest_first: &[Attempt<'_>]) -> Option<(&'static str, Option<String>, u32, i64)> {
    let newest = newest_first.first()?.newest;
    let item = newest.object_id.as_ref()?;
    let failed: Vec<i64> = newest_first
        .iter()
        .filter(|it| it.newest.object_id.as_ref() == Some(item))
        .take_while(|it| is_wrong(it))
        .map(|it| it.newest.timestamp_ms)
        .collect();
    let skill = newest.skill_id.clone();
    (failed.len() >= 3).then(|| {
        (
            "stuck_on_item",
            skill,
            failed.len() as u32,
            failed[failed.len() - 1],
        )
    })
}

fn dropping(
    newest_first: &[Attempt<'_>],
    (last_5, last_20): (Option<f64>, Option<f64>),
) -> Option<(&'static str, Option<String>, u32, i64)> {
    let count = newest_first.len().min(20);
    (count >= 10 && last_20? - last_5? >= 0.2).then(|| {
        (
            "dropping_accuracy",
            None,
            count as u32,
            newest_first[4].newest.timestamp_ms,
        )
    })
}

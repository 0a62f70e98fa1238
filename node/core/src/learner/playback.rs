//! Watched time, from the starts and stops of videos.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{CourseIndex, EventKey};
use crate::{Event, Playback, time::MINUTE_MS};

/// Cap of watched time where no event tells the video's length, ms.
const DEFAULT_CAP_MS: u64 = 30 * MINUTE_MS.unsigned_abs();

/// The playback events of a learner, by session and object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Playbacks {
    viewings: BTreeMap<ViewingKey, Viewing>,
}

/// One learner's dealings with one object in one session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ViewingKey {
    /// The session; none where the event's type needs none.
    pub session_id: Option<Box<str>>,
    /// The video; events without one share one of their own.
    pub object_id: Option<Box<str>>,
}

/// Invariant: `facts` is in ascending order of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewing {
    length_ms: Option<u64>,
    facts: Vec<Fact>,
}

/// What one event says about watching.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    key: EventKey,
    playback: Option<Playback>,
    /// As the source measured it: counts instead of the time between start and stop.
    watched_ms: Option<u64>,
    course: Option<CourseIndex>,
}

/// Watched time that counts at one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credit {
    /// The event that is credited.
    pub timestamp_ms: i64,
    /// Its course.
    pub course: Option<CourseIndex>,
    /// The watched time.
    pub watched_ms: u64,
}

impl ViewingKey {
    fn of(event: &Event<'_>) -> Self {
        Self {
            session_id: event.session_id.as_deref().map(Into::into),
            object_id: event.object_id.as_deref().map(Into::into),
        }
    }
}

/// Whether an event has anything to say about watching.
pub fn tells_of_watching(event: &Event<'_>) -> bool {
    event.event_type.playback().is_some() || event.watched_ms.is_some() || event.length_ms.is_some()
}

impl Playbacks {
    /// Event times, other than the event's own, whose credit will change when the event is added.
    pub fn affected_by(&self, event: &Event<'_>) -> Vec<i64> {
        let Some(before) = self.viewings.get(&ViewingKey::of(event)) else {
            return Vec::new();
        };
        let mut after = before.clone();
        after.add(event, None);
        let (old, new) = (before.sums(), after.sums());
        let changed: BTreeSet<i64> = old
            .keys()
            .chain(new.keys())
            .filter(|key| old.get(key) != new.get(key))
            .map(|(time_ms, _)| *time_ms)
            .filter(|time_ms| *time_ms != event.timestamp_ms)
            .collect();
        changed.into_iter().collect()
    }

    /// Whether adding the event can change a credit other than its own.
    ///
    /// The quick answer for the usual case: the newest event of a viewing whose cap stands.
    pub fn may_affect_others(&self, event: &Event<'_>) -> bool {
        self.viewings
            .get(&ViewingKey::of(event))
            .is_some_and(|viewing| {
                viewing.length_ms < event.length_ms.max(viewing.length_ms)
                    || viewing.facts.last().is_some_and(|last| {
                        (last.key.timestamp_ms, &*last.key.event_id)
                            > (event.timestamp_ms, &*event.event_id)
                    })
            })
    }

    /// Adds what an event says.
    pub fn add(&mut self, event: &Event<'_>, course: Option<CourseIndex>) {
        self.viewings
            .entry(ViewingKey::of(event))
            .or_default()
            .add(event, course);
    }

    /// Viewings that have an event at or after a time.
    pub fn since(&self, from_ms: i64) -> impl Iterator<Item = (&ViewingKey, &Viewing)> {
        self.viewings
            .iter()
            .filter(move |(_, viewing)| viewing.last_ms() >= Some(from_ms))
    }

    /// Forgets what lies before the floor, but for the last start or stop before it in a viewing that goes on: the next stop may need
    /// it.
    pub fn prune(&mut self, floor_ms: i64) {
        self.viewings.retain(|_, viewing| {
            let first_live = viewing
                .facts
                .partition_point(|fact| fact.key.timestamp_ms < floor_ms);
            let first_kept = viewing.facts[..first_live]
                .iter()
                .rposition(|fact| fact.playback.is_some())
                .unwrap_or(first_live);
            viewing.facts.drain(..first_kept);
            viewing.last_ms() >= Some(floor_ms)
        });
    }
}

impl Viewing {
    fn add(&mut self, event: &Event<'_>, course: Option<CourseIndex>) {
        self.length_ms = self.length_ms.max(event.length_ms);
        let fact = Fact {
            key: EventKey::of(event),
            playback: event.event_type.playback(),
            watched_ms: event.watched_ms,
            course,
        };
        let position = self.facts.partition_point(|other| other.key < fact.key);
        self.facts.insert(position, fact);
    }

    /// Watched time by the design's rule: a stop right after a start is credited with the time between, up to the cap.
    pub fn credits(&self) -> impl Iterator<Item = Credit> {
        let cap_ms = self.cap_ms();
        let mut started_ms = None;
        self.facts.iter().filter_map(move |fact| {
            let at_ms = fact.key.timestamp_ms;
            let measured = match fact.playback {
                Some(Playback::Start) => {
                    started_ms = Some(at_ms);
                    None
                }
                Some(Playback::Stop) => started_ms
                    .take()
                    .map(|start_ms| at_ms.saturating_sub(start_ms).unsigned_abs().min(cap_ms)),
                None => None,
            };
            let watched_ms = fact.watched_ms.or(measured)?;
            Some(Credit {
                timestamp_ms: at_ms,
                course: fact.course,
                watched_ms,
            })
        })
    }

    /// What the credits add to windows: several events may share a time.
    fn sums(&self) -> BTreeMap<(i64, Option<CourseIndex>), u64> {
        let mut sums: BTreeMap<_, u64> = BTreeMap::new();
        for credit in self.credits().filter(|credit| credit.watched_ms > 0) {
            let sum = sums
                .entry((credit.timestamp_ms, credit.course))
                .or_default();
            *sum = sum.saturating_add(credit.watched_ms);
        }
        sums
    }

    /// When the video was started, if the newest playback event is a start.
    pub fn running_since(&self) -> Option<i64> {
        let newest = self
            .facts
            .iter()
            .rev()
            .find(|fact| fact.playback.is_some())?;
        (newest.playback == Some(Playback::Start)).then_some(newest.key.timestamp_ms)
    }

    /// When the video was started at or after a time, oldest first, ms.
    pub fn starts_since(&self, from_ms: i64) -> impl Iterator<Item = i64> {
        self.facts
            .iter()
            .filter(|fact| fact.playback == Some(Playback::Start))
            .map(|fact| fact.key.timestamp_ms)
            .filter(move |at_ms| *at_ms >= from_ms)
    }

    /// The course of the newest event.
    pub fn course(&self) -> Option<CourseIndex> {
        self.facts.last()?.course
    }

    /// The most that one start can be worth, ms.
    pub fn cap_ms(&self) -> u64 {
        self.length_ms.unwrap_or(DEFAULT_CAP_MS)
    }

    /// Time of the newest event, ms.
    pub fn last_ms(&self) -> Option<i64> {
        self.facts.last().map(|fact| fact.key.timestamp_ms)
    }
}

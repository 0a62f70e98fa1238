//! Watched time that is credited to the events of a viewing.

use std::cmp::Ordering;

use crate::{
    Playback,
    learner::compact::{CourseIndex, CourseSlot},
};

/// Watched time that is credited to one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credit {
    /// Time of the event, ms.
    pub timestamp_ms: i64,
    /// Its course.
    pub course: Option<CourseIndex>,
    /// Watched time, ms.
    pub watched_ms: u64,
}

/// The data of a fact that its credit depends on.
#[derive(Clone, Copy)]
pub struct Mark {
    pub at_ms: i64,
    pub playback: Option<Playback>,
    pub watched_ms: Option<u64>,
    pub course: CourseSlot,
}

/// The credits of events in order: a stop right after a start is credited with the time between
/// them, up to the cap.
pub fn credits(marks: impl Iterator<Item = Mark>, cap_ms: u64) -> impl Iterator<Item = Credit> {
    let mut started_ms = None;
    marks.filter_map(move |mark| {
        let measured = match mark.playback {
            Some(Playback::Start) => {
                started_ms = Some(mark.at_ms);
                None
            }
            Some(Playback::Stop) => started_ms.take().map(|start_ms| {
                mark.at_ms
                    .saturating_sub(start_ms)
                    .unsigned_abs()
                    .min(cap_ms)
            }),
            None => None,
        };
        Some(Credit {
            timestamp_ms: mark.at_ms,
            course: mark.course.index(),
            watched_ms: mark.watched_ms.or(measured)?,
        })
    })
}

/// The times at which windows differ between two lists of credits, each in order, ms, ascending.
/// Windows add the credits by time and course. Several events may share a time.
pub fn times_that_differ(
    one: impl Iterator<Item = Credit>,
    other: impl Iterator<Item = Credit>,
) -> Vec<i64> {
    let [one, other] = [sums(one), sums(other)];
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    let mut times_ms = Vec::new();
    loop {
        let order = match (one.peek(), other.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.key().cmp(&b.key()),
        };
        let a = if order.is_le() { one.next() } else { None };
        let b = if order.is_ge() { other.next() } else { None };
        if a != b
            && let Some(credit) = a.or(b)
        {
            times_ms.push(credit.timestamp_ms);
        }
    }
    times_ms.dedup();
    times_ms
}

/// Sums of the credits by time and course, in this order.
fn sums(credits: impl Iterator<Item = Credit>) -> Vec<Credit> {
    let mut credits: Vec<Credit> = credits.filter(|credit| credit.watched_ms > 0).collect();
    // In order of time already: the sort only moves courses of one time.
    credits.sort_by_key(Credit::key);
    credits.dedup_by(|next, sum| {
        let is_same = next.key() == sum.key();
        if is_same {
            sum.watched_ms = sum.watched_ms.saturating_add(next.watched_ms);
        }
        is_same
    });
    credits
}

impl Credit {
    fn key(&self) -> (i64, Option<CourseIndex>) {
        (self.timestamp_ms, self.course)
    }
}

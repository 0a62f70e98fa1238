//! Watched time that is credited to the events of a viewing.

use std::collections::BTreeMap;

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

/// Sums of the credits by time and course, as windows add them. Several events may share a time.
pub fn sums(
    marks: impl Iterator<Item = Mark>,
    cap_ms: u64,
) -> BTreeMap<(i64, Option<CourseIndex>), u64> {
    let mut sums: BTreeMap<_, u64> = BTreeMap::new();
    for credit in credits(marks, cap_ms).filter(|credit| credit.watched_ms > 0) {
        let sum = sums
            .entry((credit.timestamp_ms, credit.course))
            .or_default();
        *sum = sum.saturating_add(credit.watched_ms);
    }
    sums
}

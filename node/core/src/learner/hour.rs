//! One hour of a learner: the ids of its events and its panes. The unit that is stored and that expires.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CourseIndex, IdHash};
use crate::{
    Event, EventKind, EventType,
    time::{HOUR_MS, PANE_MS, hour_of},
};

/// Number of an hour, counted from the epoch.
pub type HourNumber = i64;

/// What a learner did in one hour of event time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hour {
    /// By id, a hash of the content, so that a duplicate with other content shows.
    ids: BTreeMap<IdHash, u32>,
    /// Types of this hour's events, in the order in which they came; panes name them by position.
    types: Vec<EventType>,
    /// By position of the pane in the hour.
    panes: BTreeMap<u16, Pane>,
}

/// 5 s of event time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pane {
    /// The watermark when the pane's first event was applied.
    pub first_watermark_ms: i64,
    /// Log time of the newest event applied here.
    pub changed_ms: i64,
    counts: Vec<TypeCount>,
}

/// Accepted events of one type within one course.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct TypeCount {
    course: Option<CourseIndex>,
    type_position: u16,
    events: u32,
}

/// A pane's events of one type and course.
#[derive(Clone, Copy, Debug)]
pub struct PaneCount<'h> {
    /// The course, if they belong to one.
    pub course: Option<CourseIndex>,
    /// The type.
    pub event_type: &'h EventType,
    /// How many.
    pub events: u32,
}

impl PaneCount<'_> {
    /// Whether these events make the pane an active one.
    pub fn is_activity(&self) -> bool {
        self.event_type.kind() != EventKind::State
    }
}

impl Hour {
    /// The content hash of the event with this id, if it was accepted in this hour.
    pub fn content_of(&self, id: IdHash) -> Option<u32> {
        self.ids.get(&id).copied()
    }

    /// Claims an identity and counts the event in its pane.
    pub fn add(
        &mut self,
        event: &Event<'_>,
        (id, content): (IdHash, u32),
        course: Option<CourseIndex>,
        (watermark_ms, log_time_ms): (i64, i64),
    ) {
        self.ids.insert(id, content);
        let type_position = self.type_position(&event.event_type);
        let pane = self
            .panes
            .entry(pane_in_hour(event.timestamp_ms))
            .or_insert_with(|| Pane {
                first_watermark_ms: watermark_ms,
                changed_ms: log_time_ms,
                counts: Vec::with_capacity(1),
            });
        pane.changed_ms = log_time_ms;
        let same =
            |count: &&mut TypeCount| count.type_position == type_position && count.course == course;
        match pane.counts.iter_mut().find(same) {
            Some(count) => count.events = count.events.saturating_add(1),
            None => pane.counts.push(TypeCount {
                course,
                type_position,
                events: 1,
            }),
        }
    }

    /// Notes that an event elsewhere changed what this pane holds.
    pub fn touch(&mut self, pane_start_ms: i64, log_time_ms: i64) {
        if let Some(pane) = self.panes.get_mut(&pane_in_hour(pane_start_ms)) {
            pane.changed_ms = log_time_ms;
        }
    }

    /// The panes, oldest first, each with its start.
    pub fn panes(&self, hour: HourNumber) -> impl DoubleEndedIterator<Item = (i64, &Pane)> {
        let start_ms = hour * HOUR_MS;
        self.panes
            .iter()
            .map(move |(&position, pane)| (start_ms + i64::from(position) * PANE_MS, pane))
    }

    /// What a pane of this hour counted.
    pub fn counts<'h>(&'h self, pane: &'h Pane) -> impl Iterator<Item = PaneCount<'h>> {
        pane.counts.iter().filter_map(|count| {
            Some(PaneCount {
                course: count.course,
                event_type: self.types.get(usize::from(count.type_position))?,
                events: count.events,
            })
        })
    }

    /// How many identities it holds.
    pub fn identities(&self) -> usize {
        self.ids.len()
    }

    /// Types beyond the 65,535th of an hour share the last position: a bound, not a case to expect.
    fn type_position(&mut self, event_type: &EventType) -> u16 {
        let known = self
            .types
            .iter()
            .position(|known| known.name() == event_type.name());
        let position = known.unwrap_or_else(|| {
            if self.types.len() <= usize::from(u16::MAX) {
                self.types.push(event_type.clone());
            }
            self.types.len() - 1
        });
        u16::try_from(position).unwrap_or(u16::MAX)
    }
}

fn pane_in_hour(timestamp_ms: i64) -> u16 {
    let into_hour_ms = timestamp_ms - hour_of(timestamp_ms) * HOUR_MS;
    u16::try_from(into_hour_ms / PANE_MS).unwrap_or(u16::MAX)
}

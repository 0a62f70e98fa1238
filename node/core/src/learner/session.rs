//! Sessions: all events of a learner with one session id.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::EventKey;
use crate::{Event, EventType, time::MINUTE_MS};

/// A session ends when the watermark has passed its newest event by this, ms.
pub const SESSION_GAP_MS: i64 = 30 * MINUTE_MS;

/// The sessions of a learner, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions {
    by_id: BTreeMap<Box<str>, Span>,
}

/// From a session's first event to its newest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Span {
    first_ms: i64,
    newest: EventKey,
    newest_is_end: bool,
    events: u64,
}

/// A session as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub session_id: Box<str>,
    /// Its oldest event.
    pub start_ms: i64,
    /// Its newest event.
    pub last_ms: i64,
    /// Its newest event is `session_end`, or the watermark left it behind.
    pub ended: bool,
    /// Accepted events.
    pub events: u64,
}

impl Sessions {
    /// Adds an event to its session; one without a session belongs to none.
    pub fn add(&mut self, event: &Event<'_>) {
        let Some(id) = event.session_id.as_deref() else {
            return;
        };
        let key = EventKey::of(event);
        let is_end = event.event_type == EventType::SessionEnd;
        match self.by_id.get_mut(id) {
            Some(span) => {
                span.first_ms = span.first_ms.min(key.timestamp_ms);
                span.events = span.events.saturating_add(1);
                if key > span.newest {
                    span.newest = key;
                    span.newest_is_end = is_end;
                }
            }
            None => {
                let first_ms = key.timestamp_ms;
                let span = Span {
                    first_ms,
                    newest: key,
                    newest_is_end: is_end,
                    events: 1,
                };
                self.by_id.insert(id.into(), span);
            }
        }
    }

    /// All sessions, in the order of their ids.
    pub fn all(&self, watermark_ms: i64) -> impl Iterator<Item = Session> {
        self.by_id
            .iter()
            .map(move |(id, span)| span.read(id, watermark_ms))
    }

    /// The session with the newest event.
    pub fn present(&self, watermark_ms: i64) -> Option<Session> {
        let (id, span) = self
            .by_id
            .iter()
            .max_by(|(_, a), (_, b)| a.newest.cmp(&b.newest))?;
        Some(span.read(id, watermark_ms))
    }

    /// Forgets the sessions that ended before the floor, but for the newest.
    pub fn prune(&mut self, floor_ms: i64) {
        let newest = self.by_id.values().map(|span| span.newest.clone()).max();
        self.by_id.retain(|_, span| {
            span.newest.timestamp_ms >= floor_ms || Some(&span.newest) == newest.as_ref()
        });
    }
}

impl Span {
    fn read(&self, id: &str, watermark_ms: i64) -> Session {
        let last_ms = self.newest.timestamp_ms;
        Session {
            session_id: id.into(),
            start_ms: self.first_ms,
            last_ms,
            ended: self.newest_is_end || watermark_ms.saturating_sub(last_ms) > SESSION_GAP_MS,
            events: self.events,
        }
    }
}

//! Sessions.

use std::collections::BTreeMap;

use super::event::NaiveEvent;

/// A session has ended when the watermark is past its newest event by more than this.
const IDLE_MS: i64 = 1_800_000;

/// One session of one learner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Its id.
    pub session_id: String,
    /// Its oldest event.
    pub start_ms: i64,
    /// Its newest event.
    pub last_ms: i64,
    /// How many events it has.
    pub events: u64,
    /// Whether its newest event is `session_end`.
    pub says_ended: bool,
}

impl SessionRow {
    /// Whether it has ended under a watermark.
    pub fn ended(&self, watermark_ms: i64) -> bool {
        self.says_ended || watermark_ms - self.last_ms > IDLE_MS
    }
}

pub(crate) fn sessions_of(events: &[&NaiveEvent]) -> Vec<SessionRow> {
    let mut sessions: BTreeMap<&str, SessionRow> = BTreeMap::new();
    for event in events {
        let Some(session_id) = event.session_id.as_deref() else {
            continue;
        };
        let session = sessions.entry(session_id).or_insert_with(|| SessionRow {
            session_id: session_id.to_owned(),
            start_ms: event.timestamp_ms,
            last_ms: event.timestamp_ms,
            events: 0,
            says_ended: false,
        });
        session.last_ms = event.timestamp_ms;
        session.events += 1;
        session.says_ended = event.event_type == "session_end";
    }
    sessions.into_values().collect()
}

//! Sessions: all events of a learner with one session id.

use crate::{
    EventType,
    learner::{
        compact::{Arrival, Place, Sorted, Spot, Text, TextRef, read_text},
        room::SESSION_BYTES,
    },
    time::MINUTE_MS,
    wire::{Put, Reader},
};

/// A session ends when the watermark is more than this past its newest event, ms.
pub const SESSION_GAP_MS: i64 = 30 * MINUTE_MS;

/// The sessions of a learner, ordered by id.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    spans: Sorted<Span>,
    /// Position of the last event's session. The next event's session is searched there first.
    latest: Spot,
}

impl PartialEq for Sessions {
    fn eq(&self, other: &Self) -> bool {
        self.spans == other.spans
    }
}

impl Eq for Sessions {}

/// One session, from its first event to its newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub session_id: Text,
    pub first_ms: i64,
    pub newest: Place,
    pub newest_is_end: bool,
    pub events: u64,
}

/// A session as reads show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub session_id: Box<str>,
    /// Time of its oldest event, ms.
    pub start_ms: i64,
    /// Time of its newest event, ms.
    pub last_ms: i64,
    /// Its newest event is `session_end`, or the watermark passed it by [`SESSION_GAP_MS`].
    pub ended: bool,
    /// Number of accepted events.
    pub events: u64,
}

impl Sessions {
    /// Reads a word of each cache line that the next event changes.
    pub fn prefetch(&self) -> u64 {
        self.spans.at(self.latest).map_or(0, |span| span.events)
    }

    /// Adds an event to its session. An event without a session id is ignored.
    pub fn add(&mut self, arrival: &Arrival<'_>) {
        let Some(id) = &arrival.session_id else {
            return;
        };
        let place = &arrival.place;
        let is_end = arrival.event.event_type == EventType::SessionEnd;
        match self.find(id) {
            Ok(spot) => {
                self.latest = spot;
                if let Some(span) = self.spans.at_mut(spot) {
                    span.first_ms = span.first_ms.min(place.timestamp_ms);
                    span.events = span.events.saturating_add(1);
                    if span.newest.compare(place).is_lt() {
                        span.newest = place.to_place();
                        span.newest_is_end = is_end;
                    }
                }
            }
            Err(spot) => {
                let span = Span {
                    session_id: id.to_text(),
                    first_ms: place.timestamp_ms,
                    newest: place.to_place(),
                    newest_is_end: is_end,
                    events: 1,
                };
                self.spans.insert(spot, span);
            }
        }
    }

    fn find(&self, id: &TextRef<'_>) -> Result<Spot, Spot> {
        let latest = self.spans.at(self.latest);
        match latest.filter(|span| span.session_id.is(id)) {
            Some(_) => Ok(self.latest),
            None => self.spans.search(|span| span.session_id.compare(id)),
        }
    }

    /// All sessions, ordered by id.
    pub fn all(&self, watermark_ms: i64) -> impl Iterator<Item = Session> {
        self.spans.iter().map(move |span| span.read(watermark_ms))
    }

    /// The session with the newest event.
    pub fn present(&self, watermark_ms: i64) -> Option<Session> {
        self.newest().map(|span| span.read(watermark_ms))
    }

    /// Time of the newest event in the newest session, ms; `None` if that event is a `session_end`.
    pub fn present_last_ms(&self) -> Option<i64> {
        let newest = self.newest().filter(|span| !span.newest_is_end)?;
        Some(newest.newest.timestamp_ms)
    }

    /// Removes the sessions whose newest event is before the floor, except the newest session.
    pub fn prune(&mut self, floor_ms: i64) {
        let newest = self.newest().map(|span| span.newest.clone());
        self.spans.retain(|span| {
            span.newest.timestamp_ms >= floor_ms || Some(&span.newest) == newest.as_ref()
        });
    }

    /// What the sessions within the retention and the newest one count, bytes.
    pub fn kept_bytes(&self, floor_ms: i64) -> usize {
        let newest = self.newest().map(|span| &span.newest);
        let kept = self
            .spans
            .iter()
            .filter(|span| span.newest.timestamp_ms >= floor_ms || Some(&span.newest) == newest);
        let texts = |span: &Span| span.session_id.length() + span.newest.event_id.length();
        kept.map(|span| SESSION_BYTES + texts(span)).sum()
    }

    /// Heap memory, bytes.
    pub fn heap_bytes(&self) -> usize {
        let each = self
            .spans
            .iter()
            .map(|span| span.session_id.heap_bytes() + span.newest.event_id.heap_bytes());
        self.spans.heap_bytes() + each.sum::<usize>()
    }

    /// Appends the stored form. Times are relative to `base_ms`.
    pub fn put(&self, out: &mut Vec<u8>, base_ms: i64) {
        out.put_size(self.spans.len());
        for span in self.spans.iter() {
            span.session_id.put(out);
            span.newest.put(out, base_ms);
            out.put_signed(span.newest.timestamp_ms.wrapping_sub(span.first_ms));
            out.push(u8::from(span.newest_is_end));
            out.put_number(span.events);
        }
    }

    /// Reads the stored form.
    pub fn read(from: &mut Reader<'_>, base_ms: i64) -> Option<Self> {
        let mut sessions = Self::default();
        for _ in 0..from.size()? {
            let session_id = read_text(from)?;
            let newest = Place::read(from, base_ms)?;
            let first_ms = newest.timestamp_ms.wrapping_sub(from.signed()?);
            sessions.push(Span {
                session_id,
                first_ms,
                newest,
                newest_is_end: from.byte()? == 1,
                events: from.number()?,
            })?;
        }
        Some(sessions)
    }

    /// Appends the session with the next id in the order.
    pub fn push(&mut self, span: Span) -> Option<()> {
        let order = |one: &Span, other: &Span| one.session_id.cmp(&other.session_id);
        self.spans.push(span, order)
    }

    fn newest(&self) -> Option<&Span> {
        self.spans.iter().max_by(|a, b| a.newest.cmp(&b.newest))
    }
}

impl Span {
    fn read(&self, watermark_ms: i64) -> Session {
        let last_ms = self.newest.timestamp_ms;
        Session {
            session_id: self.session_id.to_box(),
            start_ms: self.first_ms,
            last_ms,
            ended: self.newest_is_end || watermark_ms.saturating_sub(last_ms) > SESSION_GAP_MS,
            events: self.events,
        }
    }
}

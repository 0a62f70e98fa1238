//! Keys of events: the order of events within a learner, and hashes of ids.

use std::{cmp::Ordering, ops::Deref};

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::text::{Compact, Text, TextRef, read_text};
use crate::{
    Event,
    wire::{Put, Reader},
};

/// Defines which event is newest: by event time, then by the bytes of the event id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventKey {
    /// Event time, ms since the epoch.
    pub timestamp_ms: i64,
    /// The event's id.
    pub event_id: Box<str>,
}

/// The compact form of an [`EventKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed<L> {
    pub timestamp_ms: i64,
    pub event_id: Compact<L>,
}

/// An owned key.
pub type Place = Placed<Box<str>>;
/// The key of an event that is being applied.
pub type PlaceRef<'e> = Placed<&'e str>;

/// An event that is being applied, with its ids ready for comparison.
#[derive(Clone, Copy)]
pub struct Arrival<'e> {
    pub event: &'e Event<'e>,
    pub place: PlaceRef<'e>,
    pub session_id: Option<TextRef<'e>>,
    pub object_id: Option<TextRef<'e>>,
}

impl<'e> Arrival<'e> {
    pub fn of(event: &'e Event<'e>) -> Self {
        Self {
            event,
            place: PlaceRef {
                timestamp_ms: event.timestamp_ms,
                event_id: TextRef::of(&event.event_id),
            },
            session_id: event.session_id.as_deref().map(TextRef::of),
            object_id: event.object_id.as_deref().map(TextRef::of),
        }
    }
}

impl PlaceRef<'_> {
    pub fn to_place(self) -> Place {
        Place {
            timestamp_ms: self.timestamp_ms,
            event_id: self.event_id.to_text(),
        }
    }
}

impl Place {
    pub fn to_key(&self) -> EventKey {
        EventKey {
            timestamp_ms: self.timestamp_ms,
            event_id: self.event_id.to_box(),
        }
    }

    /// Appends the stored form. The time is relative to `base_ms`.
    pub fn put(&self, out: &mut Vec<u8>, base_ms: i64) {
        out.put_signed(base_ms.wrapping_sub(self.timestamp_ms));
        self.event_id.put(out);
    }

    /// Reads the stored form.
    pub fn read(from: &mut Reader<'_>, base_ms: i64) -> Option<Self> {
        Some(Self {
            timestamp_ms: base_ms.wrapping_sub(from.signed()?),
            event_id: read_text(from)?,
        })
    }
}

impl<L: Deref<Target = str>> Placed<L> {
    pub fn compare<M: Deref<Target = str>>(&self, other: &Placed<M>) -> Ordering {
        self.timestamp_ms
            .cmp(&other.timestamp_ms)
            .then_with(|| self.event_id.compare(&other.event_id))
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(other)
    }
}

/// A 128-bit hash of an event id. A collision among the ids of one learner is not to be expected
/// before 2^64 of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdHash(pub [u8; 16]);

impl IdHash {
    /// Hash of an event's id.
    pub fn of(event_id: &str) -> Self {
        Self(xxh3_128(event_id.as_bytes()).to_be_bytes())
    }

    /// Hash of an id in compact form.
    pub fn of_text(id: &Text) -> Self {
        Self(id.with_bytes(xxh3_128).to_be_bytes())
    }

    /// Hash of a viewing's key: session and object.
    pub fn of_viewing<L: Deref<Target = str>>(ids: [Option<&Compact<L>>; 2]) -> Self {
        let mut hasher = Xxh3::new();
        for id in ids {
            // A separator: no text contains this byte.
            hasher.update(&[0xff]);
            if let Some(id) = id {
                id.with_bytes(|bytes| hasher.update(bytes));
            }
        }
        Self(hasher.digest128().to_be_bytes())
    }
}

//! The fields of an event that a shard counts by.

use crate::{
    EventType,
    event::EVENT_VERSION,
    wire::{DecodeError, Reader, versioned},
};

/// The fields of an event that a shard counts by, decoded without the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventSummary<'a> {
    /// Event time, ms since the epoch.
    pub timestamp_ms: i64,
    /// The system that published it.
    pub source: &'a str,
    /// The event's number in the source's own sequence.
    pub producer_sequence: Option<u64>,
}

impl<'a> EventSummary<'a> {
    /// Decodes the summary of an encoded [`Event`](crate::Event).
    ///
    /// # Errors
    /// When the bytes that are read are damaged, or of an unknown version.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (_, body) = versioned(bytes, EVENT_VERSION..=EVENT_VERSION)?;
        Self::read(&mut Reader::new(body)).ok_or(DecodeError::Damaged)
    }

    /// Reads the fields in their order, up to the last one needed.
    fn read(from: &mut Reader<'a>) -> Option<Self> {
        let _event_id = from.text_bytes()?;
        let _session_id = from.option(Reader::text_bytes)?;
        let _course_id = from.option(Reader::text_bytes)?;
        let timestamp_ms = from.signed()?;
        let _event_type = EventType::read(from)?;
        let source = from.text()?;
        let _object_id = from.option(Reader::text_bytes)?;
        let _attempt_id = from.option(Reader::text_bytes)?;
        let producer_sequence = from.option(Reader::number)?;
        Some(Self {
            timestamp_ms,
            source,
            producer_sequence,
        })
    }
}

//! Interactions as profiles show them, and their compact encoding.

use super::course::Courses;
use crate::{
    EventType,
    learner::{
        compact::{Arrival, CourseSlot, EventKey, Text, TextRef, read_text},
        room::{INTERACTION_BYTES, METADATA_BYTES, name_of},
    },
    wire::{Put, Reader},
};

/// One action of a learner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interaction {
    /// Its key in the order of events.
    pub key: EventKey,
    /// Its type.
    pub event_type: EventType,
    /// The publisher.
    pub source: Box<str>,
    /// The session it belongs to.
    pub session_id: Option<Box<str>>,
    /// The course it belongs to.
    pub course_id: Option<Box<str>>,
    /// The object of the action.
    pub object_id: Option<Box<str>>,
    /// Other fields of the event, up to 1 KiB.
    pub metadata: Vec<(Box<str>, Box<str>)>,
}

/// The fields that [`encode`] writes, in its order. Fields that neighbours often share come first.
struct Fields<'k> {
    session_id: Option<Text>,
    course: CourseSlot,
    source: Text,
    metadata: Vec<(&'k str, &'k str)>,
    event_type: EventType,
    object_id: Option<Text>,
    event_id: Text,
}

/// Appends the fields of an interaction, without its time. Encoded with every event, decoded only
/// by reads.
pub(super) fn encode(arrival: &Arrival<'_>, course: CourseSlot, encoded: &mut Vec<u8>) {
    let event = arrival.event;
    let metadata = || {
        let mut left = METADATA_BYTES;
        event.metadata.iter().filter(move |(name, value)| {
            let size = name.len() + value.len();
            let fits = size <= left;
            left -= if fits { size } else { 0 };
            fits
        })
    };
    let text = |out: &mut Vec<u8>, text: &TextRef<'_>| text.put(out);
    encoded.put_option(arrival.session_id.as_ref(), text);
    course.put(encoded);
    TextRef::of(&event.source).put(encoded);
    encoded.put_size(metadata().count());
    for (name, value) in metadata() {
        encoded.put_text(name);
        encoded.put_text(value);
    }
    event.event_type.put(encoded);
    encoded.put_option(arrival.object_id.as_ref(), text);
    arrival.place.event_id.put(encoded);
}

/// The id of an encoded interaction's event.
pub(super) fn event_id_of(encoded: &[u8]) -> Option<Text> {
    Fields::decode(encoded).map(|kept| kept.event_id)
}

/// What an encoded interaction counts, bytes.
pub(super) fn kept_bytes_of(encoded: &[u8]) -> usize {
    let Some(kept) = Fields::decode(encoded) else {
        return 0;
    };
    let ids = [&kept.session_id, &kept.object_id].into_iter().flatten();
    let texts = ids.chain([&kept.source, &kept.event_id]).map(Text::length);
    let metadata = if kept.metadata.is_empty() {
        0
    } else {
        METADATA_BYTES
    };
    INTERACTION_BYTES + texts.sum::<usize>() + name_of(&kept.event_type).len() + metadata
}

impl Interaction {
    /// Decodes an interaction.
    pub(super) fn decode(timestamp_ms: i64, encoded: &[u8], courses: &Courses) -> Option<Self> {
        let kept = Fields::decode(encoded)?;
        let course = kept.course.index().and_then(|index| courses.get(index));
        let owned = |(name, value): (&str, &str)| (name.into(), value.into());
        Some(Self {
            key: EventKey {
                timestamp_ms,
                event_id: kept.event_id.to_box(),
            },
            event_type: kept.event_type,
            source: kept.source.to_box(),
            session_id: kept.session_id.map(|id| id.to_box()),
            course_id: course.map(|course| course.course_id()),
            object_id: kept.object_id.map(|id| id.to_box()),
            metadata: kept.metadata.into_iter().map(owned).collect(),
        })
    }
}

impl<'k> Fields<'k> {
    fn decode(encoded: &'k [u8]) -> Option<Self> {
        let from = &mut Reader::new(encoded);
        Some(Self {
            session_id: from.option(read_text)?,
            course: CourseSlot::read(from)?,
            source: read_text(from)?,
            metadata: (0..from.size()?)
                .map(|_| Some((from.text()?, from.text()?)))
                .collect::<Option<_>>()?,
            event_type: EventType::read(from)?,
            object_id: from.option(read_text)?,
            event_id: read_text(from)?,
        })
    }
}

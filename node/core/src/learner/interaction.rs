//! The newest interactions of a learner.

use std::cmp::Ordering;

use super::{
    EventKey,
    course::{CourseSlot, Courses},
    key::{Arrival, PlaceRef},
    memory::{block_bytes, room_for_one, vec_bytes},
    text::{Text, TextRef, read_text},
};
use crate::{
    Event, EventType,
    wire::{Put, Reader},
};

/// How many interactions a profile shows.
const KEPT: usize = 10;
/// Metadata beyond this is left out of an interaction, bytes.
const METADATA_BYTES_MAX: usize = 1_024;

/// Something a learner did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interaction {
    /// Its place in the order of events.
    pub key: EventKey,
    /// Its type.
    pub event_type: EventType,
    /// Who published it.
    pub source: Box<str>,
    /// The session it belongs to.
    pub session_id: Option<Box<str>>,
    /// The course it belongs to.
    pub course_id: Option<Box<str>>,
    /// What was acted on.
    pub object_id: Option<Box<str>>,
    /// What else the source said, up to 1 KiB.
    pub metadata: Vec<(Box<str>, Box<str>)>,
}

/// The ten newest interactions. Invariant: in descending order of their places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastInteractions(Vec<Kept>);

/// An interaction, encoded: it is written with every event, and read when somebody looks.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    timestamp_ms: i64,
    encoded: Box<[u8]>,
}

impl LastInteractions {
    /// Adds an interaction, unless ten newer ones are known.
    pub fn add(&mut self, arrival: &Arrival<'_>, course: CourseSlot) {
        let place = &arrival.place;
        let newer = |known: &Kept| known.compare(place).is_gt();
        let position = self.0.iter().position(|known| !newer(known));
        let position = position.unwrap_or(self.0.len());
        if position < KEPT {
            self.0.truncate(KEPT - 1);
            room_for_one(&mut self.0);
            self.0.insert(position, Kept::of(arrival, course));
        }
    }

    /// Newest first.
    pub fn read_all(&self, courses: &Courses) -> Vec<Interaction> {
        let all = self.0.iter();
        all.filter_map(|kept| kept.interaction(courses)).collect()
    }

    /// What they take beside their own fields.
    pub fn heap_bytes(&self) -> usize {
        let each = self.0.iter().map(|kept| block_bytes(kept.encoded.len()));
        vec_bytes(&self.0) + each.sum::<usize>()
    }

    /// Appends the stored form: of each, what it does not share with the one before it.
    pub fn put(&self, out: &mut Vec<u8>, base_ms: i64) {
        out.put_size(self.0.len());
        let mut before: &[u8] = &[];
        for kept in &self.0 {
            let encoded = &*kept.encoded;
            let same = before.iter().zip(encoded).take_while(|(a, b)| a == b);
            let shared = same.count();
            out.put_signed(base_ms.wrapping_sub(kept.timestamp_ms));
            out.put_size(shared);
            out.put_size(encoded.len() - shared);
            out.extend_from_slice(&encoded[shared..]);
            before = encoded;
        }
    }

    /// Reads the stored form.
    pub fn read(from: &mut Reader<'_>, base_ms: i64) -> Option<Self> {
        let mut all: Vec<Kept> = Vec::new();
        for _ in 0..from.size()? {
            let timestamp_ms = base_ms.wrapping_sub(from.signed()?);
            let before = all.last().map_or(&[][..], |kept| &kept.encoded);
            let shared = from.size()?;
            let shared = before.get(..shared)?;
            let encoded = [shared, from.text_bytes()?].concat().into();
            room_for_one(&mut all);
            all.push(Kept {
                timestamp_ms,
                encoded,
            });
        }
        Some(Self(all))
    }

    /// Appends what comes next in descending order.
    pub fn push(&mut self, interaction: &Event<'_>, course: CourseSlot) {
        room_for_one(&mut self.0);
        self.0.push(Kept::of(&Arrival::of(interaction), course));
    }
}

impl Kept {
    fn of(arrival: &Arrival<'_>, course: CourseSlot) -> Self {
        let event = arrival.event;
        let metadata = |put: &mut dyn FnMut(&str, &str)| {
            let mut left = METADATA_BYTES_MAX;
            for (name, value) in &event.metadata {
                let size = name.len() + value.len();
                if size <= left {
                    left -= size;
                    put(name, value);
                }
            }
        };
        let (mut pairs, mut metadata_bytes) = (0, 0);
        metadata(&mut |name, value| {
            pairs += 1;
            metadata_bytes += name.len() + value.len() + 6;
        });
        let texts = [&event.session_id, &event.object_id].map(|text| text_bytes(text.as_deref()));
        let length = texts.iter().sum::<usize>()
            + text_bytes(Some(&event.source))
            + text_bytes(Some(&event.event_id))
            + text_bytes(Some(event.event_type.name()))
            + metadata_bytes;
        let mut encoded = Vec::with_capacity(length);
        // What neighbours share comes first.
        let text = |out: &mut Vec<u8>, text: &TextRef<'_>| text.put(out);
        encoded.put_maybe(arrival.session_id.as_ref(), text);
        course.put(&mut encoded);
        TextRef::of(&event.source).put(&mut encoded);
        encoded.put_size(pairs);
        metadata(&mut |name, value| {
            encoded.put_text(name);
            encoded.put_text(value);
        });
        event.event_type.put(&mut encoded);
        encoded.put_maybe(arrival.object_id.as_ref(), text);
        arrival.place.event_id.put(&mut encoded);
        Self {
            timestamp_ms: arrival.place.timestamp_ms,
            encoded: encoded.into(),
        }
    }

    fn compare(&self, place: &PlaceRef<'_>) -> Ordering {
        let by_time = self.timestamp_ms.cmp(&place.timestamp_ms);
        by_time.then_with(|| match self.decode() {
            Some(decoded) => decoded.event_id.compare(&place.event_id),
            None => Ordering::Equal,
        })
    }

    fn interaction(&self, courses: &Courses) -> Option<Interaction> {
        let decoded = self.decode()?;
        let course = decoded.course.index().and_then(|index| courses.get(index));
        Some(Interaction {
            key: EventKey {
                timestamp_ms: self.timestamp_ms,
                event_id: decoded.event_id.to_box(),
            },
            event_type: decoded.event_type,
            source: decoded.source.to_box(),
            session_id: decoded.session_id.map(|id| id.to_box()),
            course_id: course.map(|course| course.course_id()),
            object_id: decoded.object_id.map(|id| id.to_box()),
            metadata: decoded
                .metadata
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        })
    }

    fn decode(&self) -> Option<Decoded<'_>> {
        let from = &mut Reader::new(&self.encoded);
        Some(Decoded {
            session_id: from.maybe(read_text)?,
            course: CourseSlot::read(from)?,
            source: read_text(from)?,
            metadata: (0..from.size()?)
                .map(|_| Some((from.text()?, from.text()?)))
                .collect::<Option<_>>()?,
            event_type: EventType::read(from)?,
            object_id: from.maybe(read_text)?,
            event_id: read_text(from)?,
        })
    }
}

/// What [`Kept::encoded`] says, in its order.
struct Decoded<'k> {
    session_id: Option<Text>,
    course: CourseSlot,
    source: Text,
    metadata: Vec<(&'k str, &'k str)>,
    event_type: EventType,
    object_id: Option<Text>,
    event_id: Text,
}

/// The most that a text takes, encoded.
fn text_bytes(text: Option<&str>) -> usize {
    const LENGTH_BYTES: usize = 4;
    text.map_or(1, |text| text.len() + LENGTH_BYTES)
}

//! One event in normalised form: ingress produces it from every input format, the log stores it,
//! and learners apply it.

use std::borrow::Cow;

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::{
    EventType,
    wire::{DecodeError, Put, Reader, versioned},
};

/// Version of the encoding of [`Event`].
pub(crate) const EVENT_VERSION: u8 = 1;

/// A valid event. Strings borrow from the encoded bytes where possible.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    /// Identifies the event among those of its learner. Encoded first, so that the bytes behind it
    /// are the content.
    pub event_id: Cow<'a, str>,
    /// The learner. Stored next to the encoded event, since it is the key for routing.
    pub user_id: Cow<'a, str>,
    /// The session; `None` only for types that need none.
    pub session_id: Option<Cow<'a, str>>,
    /// The course, if the event belongs to one.
    pub course_id: Option<Cow<'a, str>>,
    /// Event time, ms since the epoch.
    pub timestamp_ms: i64,
    /// The type.
    pub event_type: EventType,
    /// The system that published the event.
    pub source: Cow<'a, str>,
    /// The object of the action.
    pub object_id: Option<Cow<'a, str>>,
    /// Groups scored events of which only the newest counts.
    pub attempt_id: Option<Cow<'a, str>>,
    /// The event's number in the source's own sequence.
    pub producer_sequence: Option<u64>,
    /// Score / maximum in millionths; above 1,000,000 with extra credit. Set for every scored
    /// event.
    pub score_millionths: Option<u32>,
    /// The skill that was tested.
    pub skill_id: Option<Cow<'a, str>>,
    /// Time that the learner took, ms.
    pub duration_ms: Option<u64>,
    /// Watched time as measured by the source, ms.
    pub watched_ms: Option<u64>,
    /// Length of the object, ms.
    pub length_ms: Option<u64>,
    /// Position in the object, ms.
    pub position_ms: Option<u64>,
    /// All other fields by name, in ascending order of the names. Values that are not strings are
    /// JSON text.
    pub metadata: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Event<'a> {
    /// Whether the event can affect watched time.
    pub fn affects_watched_time(&self) -> bool {
        self.event_type.playback().is_some()
            || self.watched_ms.is_some()
            || self.length_ms.is_some()
    }

    /// An event with only the mandatory fields.
    pub fn bare(
        user_id: impl Into<Cow<'a, str>>,
        event_id: impl Into<Cow<'a, str>>,
        timestamp_ms: i64,
        event_type: EventType,
        source: impl Into<Cow<'a, str>>,
    ) -> Self {
        Self {
            event_id: event_id.into(),
            user_id: user_id.into(),
            session_id: None,
            course_id: None,
            timestamp_ms,
            event_type,
            source: source.into(),
            object_id: None,
            attempt_id: None,
            producer_sequence: None,
            score_millionths: None,
            skill_id: None,
            duration_ms: None,
            watched_ms: None,
            length_ms: None,
            position_ms: None,
            metadata: Vec::new(),
        }
    }

    /// Appends the versioned encoding, without the learner's id.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        let text = |out: &mut Vec<u8>, text: &Cow<'_, str>| out.put_text(text);
        let number = |out: &mut Vec<u8>, number: u64| out.put_number(number);
        out.push(EVENT_VERSION);
        out.put_text(&self.event_id);
        out.put_option(self.session_id.as_ref(), text);
        out.put_option(self.course_id.as_ref(), text);
        out.put_signed(self.timestamp_ms);
        self.event_type.put(out);
        out.put_text(&self.source);
        out.put_option(self.object_id.as_ref(), text);
        out.put_option(self.attempt_id.as_ref(), text);
        out.put_option(self.producer_sequence, number);
        out.put_option(self.score_millionths.map(u64::from), number);
        out.put_option(self.skill_id.as_ref(), text);
        out.put_option(self.duration_ms, number);
        out.put_option(self.watched_ms, number);
        out.put_option(self.length_ms, number);
        out.put_option(self.position_ms, number);
        out.put_size(self.metadata.len());
        for (name, value) in &self.metadata {
            out.put_text(name);
            out.put_text(value);
        }
    }

    /// Reads what [`Self::encode_into`] wrote.
    ///
    /// # Errors
    /// When the bytes are damaged or of an unknown version.
    pub fn decode(user_id: &'a str, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (_, body) = versioned(bytes, EVENT_VERSION..=EVENT_VERSION)?;
        Self::read(user_id, &mut Reader::new(body)).ok_or(DecodeError::Damaged)
    }

    fn read(user_id: &'a str, from: &mut Reader<'a>) -> Option<Self> {
        let text = |from: &mut Reader<'a>| from.text().map(Cow::Borrowed);
        let number = |from: &mut Reader<'a>| from.number();
        Some(Self {
            event_id: text(from)?,
            user_id: Cow::Borrowed(user_id),
            session_id: from.option(text)?,
            course_id: from.option(text)?,
            timestamp_ms: from.signed()?,
            event_type: EventType::read(from)?,
            source: text(from)?,
            object_id: from.option(text)?,
            attempt_id: from.option(text)?,
            producer_sequence: from.option(number)?,
            score_millionths: from.option(|from| u32::try_from(from.number()?).ok())?,
            skill_id: from.option(text)?,
            duration_ms: from.option(number)?,
            watched_ms: from.option(number)?,
            length_ms: from.option(number)?,
            position_ms: from.option(number)?,
            metadata: read_metadata(from)?,
        })
    }

    /// Derives an id from the content if the source gave none, so that a retry of the same content
    /// is the same event.
    pub fn derive_id_if_missing(&mut self) {
        if self.event_id.is_empty() {
            let mut body = Vec::with_capacity(256);
            self.encode_into(&mut body);
            self.event_id = Cow::Owned(format!("derived:{:032x}", xxh3_128(&body)));
        }
    }
}

fn read_metadata<'a>(from: &mut Reader<'a>) -> Option<Vec<(Cow<'a, str>, Cow<'a, str>)>> {
    let count = from.size()?;
    // Each entry takes at least two bytes, which bounds the allocation for a damaged count.
    let mut metadata = Vec::with_capacity(count.min(from.rest().len() / 2));
    for _ in 0..count {
        metadata.push((from.text()?.into(), from.text()?.into()));
    }
    Some(metadata)
}

/// Hash of an encoded event's content: everything but the learner's id and the event id.
pub fn content_hash(encoded: &[u8]) -> u64 {
    let mut body = Reader::new(encoded.get(1..).unwrap_or_default());
    let content = match body.text_bytes() {
        Some(_event_id) => body.rest(),
        None => encoded,
    };
    xxh3_64(content)
}

/// Hash of a learner's id. It selects the shard and orders the keys on disk.
pub fn learner_hash(user_id: &str) -> u64 {
    xxh3_64(user_id.as_bytes())
}

/// The shard for a hash, when the hash space is divided into `shards` ranges of equal size.
pub fn shard_of(hash: u64, shards: u32) -> u32 {
    let scaled = u128::from(hash) * u128::from(shards);
    u32::try_from(scaled >> 64).expect("less than the number of shards")
}

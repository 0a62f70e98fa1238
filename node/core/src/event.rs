//! One event, normalised: what ingress makes of every form that comes in, what the log carries, and what learners apply.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::EventType;

/// Version of the encoding of [`Event`]; a reader knows all versions up to its own.
pub(crate) const EVENT_VERSION: u8 = 1;

/// A valid event. Strings borrow from the bytes it was read from where they can.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event<'a> {
    /// Identifies the event among those of its learner. First in the encoding, so that what follows is the content.
    #[serde(borrow)]
    pub event_id: Cow<'a, str>,
    /// The learner; carried beside the encoded event, as the key it is routed by.
    #[serde(skip)]
    pub user_id: Cow<'a, str>,
    /// The session; absent only where the type needs none.
    #[serde(borrow)]
    pub session_id: Option<Cow<'a, str>>,
    /// The course, if the event belongs to one.
    #[serde(borrow)]
    pub course_id: Option<Cow<'a, str>>,
    /// Event time, ms since the epoch.
    pub timestamp_ms: i64,
    /// The type.
    pub event_type: EventType,
    /// The system that published it.
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    /// What was acted on.
    #[serde(borrow)]
    pub object_id: Option<Cow<'a, str>>,
    /// Groups scored events of which only the newest counts.
    #[serde(borrow)]
    pub attempt_id: Option<Cow<'a, str>>,
    /// Position in the source's own numbering.
    pub producer_sequence: Option<u64>,
    /// Score / maximum in millionths (above 1,000,000 with extra credit); set for every scored event.
    pub score_millionths: Option<u32>,
    /// What was tested.
    #[serde(borrow)]
    pub skill_id: Option<Cow<'a, str>>,
    /// How long it took the learner, ms.
    pub duration_ms: Option<u64>,
    /// Watched time as the source measured it, ms.
    pub watched_ms: Option<u64>,
    /// Length of the object, ms.
    pub length_ms: Option<u64>,
    /// Position in the object, ms.
    pub position_ms: Option<u64>,
    /// What has no place above, by name, in ascending order of the names; values that are no strings as JSON text.
    #[serde(borrow)]
    pub metadata: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// The bytes are no event that this build knows.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EventDecodeError {
    /// Written by a newer build.
    #[error("event encoding version {0} is newer than this build")]
    UnknownVersion(u8),
    /// Not an encoded event.
    #[error("damaged event encoding")]
    Damaged,
}

impl<'a> Event<'a> {
    /// Appends the versioned encoding, without the learner.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        out.push(EVENT_VERSION);
        *out = postcard::to_extend(self, std::mem::take(out))
            .expect("serialising into memory does not fail");
    }

    /// Reads what [`Self::encode_into`] wrote.
    ///
    /// # Errors
    /// When the bytes are damaged or of an unknown version.
    pub fn decode(user_id: &'a str, bytes: &'a [u8]) -> Result<Self, EventDecodeError> {
        match bytes.split_first() {
            Some((&EVENT_VERSION, body)) => {
                let mut event: Self =
                    postcard::from_bytes(body).map_err(|_| EventDecodeError::Damaged)?;
                event.user_id = Cow::Borrowed(user_id);
                Ok(event)
            }
            Some((&version, _)) => Err(EventDecodeError::UnknownVersion(version)),
            None => Err(EventDecodeError::Damaged),
        }
    }

    /// Gives the event an id derived from its content, when its source gave none: a retry of the same content is the same event.
    pub fn derive_id_if_missing(&mut self) {
        if self.event_id.is_empty() {
            let mut body = Vec::with_capacity(256);
            self.encode_into(&mut body);
            self.event_id = Cow::Owned(format!("derived:{:032x}", xxh3_128(&body)));
        }
    }
}

/// Hash of an encoded event's content: all but the learner and the event id. Equal contents have equal hashes.
pub fn content_hash(encoded: &[u8]) -> u64 {
    let content = encoded
        .get(1..)
        .and_then(|body| postcard::take_from_bytes::<&str>(body).ok())
        .map_or(encoded, |(_, content)| content);
    xxh3_64(content)
}

/// Hash that places a learner: on a shard, and in the order of keys on disk.
pub fn learner_hash(user_id: &str) -> u64 {
    xxh3_64(user_id.as_bytes())
}

/// The shard whose range of hashes holds this one; `shards` ranges of equal size cover all hashes.
pub fn shard_of(hash: u64, shards: u32) -> u32 {
    let scaled = u128::from(hash) * u128::from(shards);
    u32::try_from(scaled >> 64).expect("less than the number of shards")
}

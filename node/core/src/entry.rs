//! A log entry of a shard: what the leader proposes, and every replica applies.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{
    DeadLetterUpdate, Event, Refusal, Settings,
    wire::{DecodeError, Put, versioned},
};

/// Version of the encoding of entries; a reader knows all versions up to its own.
const ENTRY_VERSION: u8 = 2;
/// Batches, ticks and settings are still written as they were at first: builds that know no other version read them.
const FIRST_VERSION: u8 = 1;
/// The version that brought work on dead letters.
const LETTERS_VERSION: u8 = 2;

/// One delivery in an entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Record<'a> {
    /// A valid event.
    Event {
        /// The learner it belongs to.
        #[serde(borrow)]
        user_id: &'a str,
        /// The encoded [`Event`].
        #[serde(borrow, with = "serde_bytes")]
        event: &'a [u8],
    },
    /// A delivery that was refused at the door.
    #[serde(borrow)]
    Refused(Refusal<'a>),
}

/// What an entry says.
#[derive(Debug, PartialEq)]
pub enum Command<'a> {
    /// Deliveries, in order.
    Batch(Records<'a>),
    /// Time goes on; nothing else.
    Tick,
    /// From here on these settings hold.
    Settings(Box<Settings>),
    /// Dead letters are forgotten, or said to be refused for another reason.
    DeadLetters(DeadLetterUpdate),
}

/// An entry: a command, stamped with log time.
#[derive(Debug, PartialEq)]
pub struct Entry<'a> {
    /// The leader's log time, ms; never less than that of the entry before.
    pub log_time_ms: i64,
    /// What to do.
    pub command: Command<'a>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    log_time_ms: i64,
    kind: Kind,
}

#[derive(Serialize, Deserialize)]
enum Kind {
    Batch { records: u32 },
    Tick,
    Settings,
    DeadLetters,
}

/// The encoded records of a batch, read one by one.
#[derive(Clone, Debug, PartialEq)]
pub struct Records<'a> {
    left: u32,
    bytes: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        match postcard::take_from_bytes(self.bytes) {
            Ok((record, rest)) => {
                self.left -= 1;
                self.bytes = rest;
                Some(Ok(record))
            }
            Err(_) => {
                self.left = 0;
                Some(Err(DecodeError::Damaged))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Records<'_> {}

impl<'a> Entry<'a> {
    /// Reads an entry.
    ///
    /// # Errors
    /// When the bytes are damaged or of an unknown version.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (_, body) = versioned(bytes, FIRST_VERSION..=ENTRY_VERSION)?;
        let (header, bytes): (Header, _) =
            postcard::take_from_bytes(body).map_err(|_| DecodeError::Damaged)?;
        let command = match header.kind {
            // Every record takes at least a byte: a larger count is damage, and no reader should make room for it.
            Kind::Batch { records } if records as usize > bytes.len() => {
                return Err(DecodeError::Damaged);
            }
            Kind::Batch { records } => Command::Batch(Records {
                left: records,
                bytes,
            }),
            Kind::Tick => Command::Tick,
            Kind::Settings => {
                Command::Settings(postcard::from_bytes(bytes).map_err(|_| DecodeError::Damaged)?)
            }
            Kind::DeadLetters => {
                Command::DeadLetters(postcard::from_bytes(bytes).map_err(|_| DecodeError::Damaged)?)
            }
        };
        Ok(Self {
            log_time_ms: header.log_time_ms,
            command,
        })
    }
}

/// Encodes an entry that only lets time go on.
pub fn encode_tick(log_time_ms: i64) -> Vec<u8> {
    encode_header(log_time_ms, Kind::Tick, 16)
}

/// Encodes a change of settings.
pub fn encode_settings(log_time_ms: i64, settings: &Settings) -> Vec<u8> {
    postcard::to_extend(settings, encode_header(log_time_ms, Kind::Settings, 256))
        .expect("serialising into memory does not fail")
}

/// Encodes work on kept dead letters.
pub fn encode_dead_letter_update(log_time_ms: i64, work: &DeadLetterUpdate) -> Vec<u8> {
    postcard::to_extend(work, encode_header(log_time_ms, Kind::DeadLetters, 256))
        .expect("serialising into memory does not fail")
}

/// Encodes a batch from already encoded pieces, which are copied as they are.
pub fn encode_batch<'p>(
    log_time_ms: i64,
    pieces: impl Iterator<Item = &'p RecordBuffer> + Clone,
) -> Vec<u8> {
    let records = pieces.clone().map(|piece| piece.count).sum();
    let bytes: usize = pieces.clone().map(|piece| piece.bytes.len()).sum();
    let mut entry = encode_header(log_time_ms, Kind::Batch { records }, bytes + 16);
    for piece in pieces {
        entry.extend_from_slice(&piece.bytes);
    }
    entry
}

fn encode_header(log_time_ms: i64, kind: Kind, capacity: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(capacity);
    bytes.push(match kind {
        Kind::Batch { .. } | Kind::Tick | Kind::Settings => FIRST_VERSION,
        Kind::DeadLetters => LETTERS_VERSION,
    });
    postcard::to_extend(&Header { log_time_ms, kind }, bytes)
        .expect("serialising into memory does not fail")
}

/// How the encoding of a [`Record::Event`] begins: with the number of the variant.
const EVENT_RECORD: u8 = 0;

/// Records encoded one after the other, ready to be joined into an entry without being read again.
#[derive(Clone, Debug, Default)]
pub struct RecordBuffer {
    bytes: Vec<u8>,
    count: u32,
}

impl RecordBuffer {
    /// An empty one with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            count: 0,
        }
    }

    /// Appends a valid event: the bytes of a [`Record::Event`].
    pub fn push_event(&mut self, event: &Event<'_>) {
        self.bytes.push(EVENT_RECORD);
        self.bytes.put_text(&event.user_id);
        let begin = self.bytes.len();
        event.encode_into(&mut self.bytes);
        self.put_length(begin);
        self.count += 1;
    }

    /// Appends a refusal.
    pub fn push_refusal(&mut self, refusal: Refusal<'_>) {
        self.push(&Record::Refused(refusal));
    }

    /// The encoded records.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many records it holds.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Size of the encoded records, bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it holds no record.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Puts the length of what was written from `begin` on before it.
    fn put_length(&mut self, begin: usize) {
        let end = self.bytes.len();
        self.bytes.put_size(end - begin);
        let width = self.bytes.len() - end;
        self.bytes[begin..].rotate_right(width);
    }

    fn push(&mut self, record: &Record<'_>) {
        self.bytes = postcard::to_extend(record, std::mem::take(&mut self.bytes))
            .expect("serialising into memory does not fail");
        self.count += 1;
    }
}

/// Where a refusal goes: to its learner's shard when that is known, else by the hash of its bytes.
pub fn refusal_hash(refusal: &Refusal<'_>) -> u64 {
    refusal
        .user_id
        .as_ref()
        .map_or(refusal.payload_hash, |user_id: &Cow<'_, str>| {
            crate::learner_hash(user_id)
        })
}

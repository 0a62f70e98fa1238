//! Log entries of a shard: the leader proposes them, every replica applies them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{
    DeadLetterUpdate, Event, Refusal, Settings,
    settings::SettingsBefore,
    wire::{DecodeError, Put, versioned},
};

/// The newest version of the encoding. Readers accept all versions up to it.
const ENTRY_VERSION: u8 = SETTINGS_VERSION;
/// Batches and ticks keep the first version: older builds can read them.
const FIRST_VERSION: u8 = 1;
/// The version that added updates of dead letters.
const LETTERS_VERSION: u8 = 2;
/// The version with which settings have a version of their own.
const SETTINGS_VERSION: u8 = 3;

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
    /// A delivery that ingress refused.
    #[serde(borrow)]
    Refused(Refusal<'a>),
}

/// The content of an entry.
#[derive(Debug, PartialEq)]
pub enum Command<'a> {
    /// Deliveries, in order.
    Batch(Records<'a>),
    /// Advances log time, nothing else.
    Tick,
    /// Replaces the settings from the next entry on.
    Settings(Box<Settings>),
    /// Removes or amends dead letters.
    DeadLetters(DeadLetterUpdate),
}

/// A command, stamped with log time.
#[derive(Debug, PartialEq)]
pub struct Entry<'a> {
    /// The leader's log time, ms. It never decreases from entry to entry.
    pub log_time_ms: i64,
    /// What to apply.
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

/// The encoded records of a batch, decoded one by one.
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
    /// Decodes an entry.
    ///
    /// # Errors
    /// When the bytes are damaged or of an unknown version.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (version, body) = versioned(bytes, FIRST_VERSION..=ENTRY_VERSION)?;
        let (header, bytes): (Header, _) =
            postcard::take_from_bytes(body).map_err(|_| DecodeError::Damaged)?;
        let command = match header.kind {
            // Each record takes at least one byte, so a larger count is damage. Checked here,
            // before a reader allocates by it.
            Kind::Batch { records } if records as usize > bytes.len() => {
                return Err(DecodeError::Damaged);
            }
            Kind::Batch { records } => Command::Batch(Records {
                left: records,
                bytes,
            }),
            Kind::Tick => Command::Tick,
            Kind::Settings if version < SETTINGS_VERSION => {
                let before: SettingsBefore =
                    postcard::from_bytes(bytes).map_err(|_| DecodeError::Damaged)?;
                Command::Settings(Box::new(before.into()))
            }
            Kind::Settings => Command::Settings(Box::new(Settings::decode(bytes)?)),
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

/// Encodes an entry that only advances log time.
pub fn encode_tick(log_time_ms: i64) -> Vec<u8> {
    encode_header(log_time_ms, Kind::Tick, 16)
}

/// Encodes a change of settings.
pub fn encode_settings(log_time_ms: i64, settings: &Settings) -> Vec<u8> {
    let mut entry = encode_header(log_time_ms, Kind::Settings, 256);
    entry.extend_from_slice(&settings.encode());
    entry
}

/// Encodes an update of dead letters.
pub fn encode_dead_letter_update(log_time_ms: i64, work: &DeadLetterUpdate) -> Vec<u8> {
    postcard::to_extend(work, encode_header(log_time_ms, Kind::DeadLetters, 256))
        .expect("serialising into memory does not fail")
}

/// Encodes a batch from encoded records, which are copied unchanged.
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
        Kind::Batch { .. } | Kind::Tick => FIRST_VERSION,
        Kind::Settings => SETTINGS_VERSION,
        Kind::DeadLetters => LETTERS_VERSION,
    });
    postcard::to_extend(&Header { log_time_ms, kind }, bytes)
        .expect("serialising into memory does not fail")
}

/// The first byte of an encoded [`Record::Event`]: the number of the variant.
const EVENT_RECORD: u8 = 0;

/// Encoded records, ready to be copied into an entry.
#[derive(Clone, Debug, Default)]
pub struct RecordBuffer {
    bytes: Vec<u8>,
    count: u32,
}

impl RecordBuffer {
    /// Creates an empty buffer with a capacity in bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            count: 0,
        }
    }

    /// Appends a valid event, encoded as [`Record::Event`].
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

    /// Number of records.
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

    /// Inserts the length of the bytes from `begin` on in front of them.
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

/// The hash that places a refusal on a shard: its learner's if known, else that of its payload.
pub fn refusal_hash(refusal: &Refusal<'_>) -> u64 {
    refusal
        .user_id
        .as_ref()
        .map_or(refusal.payload_hash, |user_id: &Cow<'_, str>| {
            crate::learner_hash(user_id)
        })
}

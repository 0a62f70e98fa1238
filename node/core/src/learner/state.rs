//! A learner as stored: one record for what is always needed, and one for each hour.

use super::{Hour, HourNumber, Learner, Unsaved};

/// Version of the encoding of both kinds of record; a reader knows all versions up to its own.
const STATE_VERSION: u8 = 1;

/// Which record of a learner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatePart {
    /// All but the hours.
    Head,
    /// One hour.
    Hour(HourNumber),
}

/// A record that is to be written, or deleted (`None`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// Which.
    pub part: StatePart,
    /// Its new bytes.
    pub bytes: Option<Vec<u8>>,
}

/// Stored bytes that are no learner.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum StateDecodeError {
    /// Written by a newer build.
    #[error("learner encoding version {0} is newer than this build")]
    UnknownVersion(u8),
    /// Not an encoded learner.
    #[error("damaged learner encoding")]
    Damaged,
}

impl Learner {
    /// Whether the stored state is behind.
    pub fn has_changes(&self) -> bool {
        self.unsaved.head
    }

    /// Has the head written with the next changes, whether or not it differs from the stored one.
    pub fn rewrite_head(&mut self) {
        self.unsaved.head = true;
    }

    /// What has to be written for the stored state to be this one; from then on it counts as stored.
    pub fn take_changes(&mut self) -> Vec<StateChange> {
        let Unsaved { head, hours } = std::mem::take(&mut self.unsaved);
        let mut changes = Vec::with_capacity(1 + hours.len());
        if head {
            changes.push(StateChange {
                part: StatePart::Head,
                bytes: Some(encode(self)),
            });
        }
        changes.extend(hours.into_iter().map(|number| StateChange {
            part: StatePart::Hour(number),
            bytes: self.hours.get(&number).map(encode),
        }));
        changes
    }

    /// Time of the newest event of a stored learner, ms, without reading the rest of its head.
    ///
    /// # Errors
    /// When the head is damaged or of an unknown version.
    pub fn peek_last_event_ms(head: &[u8]) -> Result<i64, StateDecodeError> {
        match head.split_first() {
            Some((&STATE_VERSION, body)) => {
                let ((_events, last_event_ms), _) = postcard::take_from_bytes::<(u64, i64)>(body)
                    .map_err(|_| StateDecodeError::Damaged)?;
                Ok(last_event_ms)
            }
            Some((&version, _)) => Err(StateDecodeError::UnknownVersion(version)),
            None => Err(StateDecodeError::Damaged),
        }
    }

    /// A learner from stored records; the head may be missing only where nothing is stored.
    ///
    /// # Errors
    /// When a record is damaged or of an unknown version.
    pub fn restore<'b>(
        user_id: &str,
        head: &[u8],
        hours: impl Iterator<Item = (HourNumber, &'b [u8])>,
    ) -> Result<Self, StateDecodeError> {
        let mut learner: Self = decode(head)?;
        learner.user_id = user_id.into();
        for (number, bytes) in hours {
            learner.hours.insert(number, decode::<Hour>(bytes)?);
        }
        Ok(learner)
    }
}

pub(super) fn encode<T: serde::Serialize>(part: &T) -> Vec<u8> {
    postcard::to_extend(part, vec![STATE_VERSION]).expect("serialising into memory does not fail")
}

pub(super) fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, StateDecodeError> {
    match bytes.split_first() {
        Some((&STATE_VERSION, body)) => {
            postcard::from_bytes(body).map_err(|_| StateDecodeError::Damaged)
        }
        Some((&version, _)) => Err(StateDecodeError::UnknownVersion(version)),
        None => Err(StateDecodeError::Damaged),
    }
}

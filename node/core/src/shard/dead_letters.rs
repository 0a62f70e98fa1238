//! Refused events: kept with their reasons, deduplicated, bounded.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::source::OTHER_SOURCES;
use crate::{DeadLetterUpdate, PayloadFormat, Reason, Refusal};

/// What one source's dead letters may take on one shard, bytes.
const SOURCE_BYTES_MAX: u64 = 1 << 20;
/// What all dead letters may take on one shard, bytes.
const SHARD_BYTES_MAX: u64 = 8 << 20;
/// Counted for each letter beside its payload and detail, bytes.
const LETTER_OVERHEAD_BYTES: u64 = 64;

/// How many pairs of source and reason the count of expired letters keeps apart.
const EXPIRED_GROUPS_MAX: usize = 1_024;

/// A refused event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Who sent it.
    pub source: Box<str>,
    /// Why it was refused.
    pub reason: Reason,
    /// In words.
    pub detail: Box<str>,
    /// Log time of the refusal, ms.
    pub refused_ms: i64,
    /// The learner, where it could be made out.
    pub user_id: Option<Box<str>>,
    /// Form of the payload.
    pub format: PayloadFormat,
    /// Its identity, together with the source.
    pub payload_hash: u64,
    /// The event as it came, or as it was normalised.
    #[serde(with = "serde_bytes")]
    pub payload: Vec<u8>,
}

/// A letter that is to be stored, or deleted (`None`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterChange {
    /// Counts up within the shard.
    pub number: u64,
    /// Its encoding.
    pub bytes: Option<Vec<u8>>,
}

/// Dead letters of one source with one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterGroup {
    /// How many are kept.
    pub kept: u64,
    /// What they take, bytes.
    pub kept_bytes: u64,
    /// How many had to go for newer ones.
    pub expired: u64,
    /// Log time of the oldest that is kept, ms.
    pub oldest_ms: Option<i64>,
    /// Log time of the newest, ms.
    pub newest_ms: Option<i64>,
}

/// The dead letters of a shard. Invariant: within both bounds of bytes; `identities` holds exactly the kept letters'.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetters {
    letters: BTreeMap<u64, DeadLetter>,
    numbers: BTreeMap<Box<str>, BTreeSet<u64>>,
    identities: BTreeSet<(Box<str>, u64)>,
    bytes: BTreeMap<Box<str>, u64>,
    unsaved: BTreeSet<u64>,
    /// What of this goes with the shard's own record.
    pub(super) ledger: Ledger,
}

/// What is remembered beyond the kept letters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ledger {
    next_number: u64,
    expired: BTreeMap<(Box<str>, Reason), u64>,
}

impl DeadLetter {
    pub(super) fn of(refusal: Refusal<'_>, refused_ms: i64) -> Self {
        Self {
            source: refusal.source.as_ref().into(),
            reason: refusal.reason,
            detail: refusal.detail.as_ref().into(),
            refused_ms,
            user_id: refusal.user_id.as_deref().map(Into::into),
            format: refusal.format,
            payload_hash: refusal.payload_hash,
            payload: refusal.payload.into_owned(),
        }
    }

    /// The source stands in the indexes too.
    fn names_bytes(&self) -> usize {
        4 * self.source.len() + self.user_id.as_ref().map_or(0, |user_id| user_id.len())
    }

    /// What it takes of its source's room, bytes.
    pub fn bytes(&self) -> u64 {
        (self.payload.len() + self.detail.len() + self.names_bytes()) as u64 + LETTER_OVERHEAD_BYTES
    }

    fn identity(&self) -> (Box<str>, u64) {
        (self.source.clone(), self.payload_hash)
    }
}

impl Ledger {
    /// Sources name themselves, so only so many are told apart.
    fn count_expired(&mut self, source: Box<str>, reason: Reason) {
        let key = (source, reason);
        let has_room = self.expired.len() < EXPIRED_GROUPS_MAX || self.expired.contains_key(&key);
        let key = if has_room {
            key
        } else {
            (OTHER_SOURCES.into(), reason)
        };
        *self.expired.entry(key).or_default() += 1;
    }
}

impl DeadLetterGroup {
    /// Counts a kept letter in.
    pub fn add(&mut self, letter: &DeadLetter) {
        self.kept += 1;
        self.kept_bytes += letter.bytes();
        self.oldest_ms = Some(self.oldest_ms.unwrap_or(i64::MAX).min(letter.refused_ms));
        self.newest_ms = self.newest_ms.max(Some(letter.refused_ms));
    }
}

impl DeadLetters {
    /// Keeps a letter, at the cost of the oldest where there is no room. False when the same one is kept already.
    pub fn add(&mut self, letter: DeadLetter) -> bool {
        if self.identities.contains(&letter.identity()) {
            return false;
        }
        let number = self.ledger.next_number;
        self.ledger.next_number += 1;
        self.keep(number, letter);
        true
    }

    /// Does what an entry says of kept letters. Those that have gone meanwhile are passed over.
    pub(super) fn update(&mut self, update: DeadLetterUpdate) {
        for number in update.removed {
            self.remove(number);
        }
        for amended in update.amended {
            if let Some(letter) = self.remove(amended.number) {
                let letter = DeadLetter {
                    reason: amended.reason,
                    detail: amended.detail,
                    user_id: amended.user_id,
                    ..letter
                };
                self.keep(amended.number, letter);
            }
        }
    }

    /// Takes a letter in that is to be stored, and sees to the bounds.
    fn keep(&mut self, number: u64, letter: DeadLetter) {
        let source = letter.source.clone();
        self.insert(number, letter);
        self.unsaved.insert(number);
        while self
            .bytes
            .get(&source)
            .is_some_and(|bytes| *bytes > SOURCE_BYTES_MAX)
        {
            let oldest = self
                .numbers
                .get(&source)
                .and_then(|numbers| numbers.first().copied());
            self.expire(oldest);
        }
        while self.bytes.values().sum::<u64>() > SHARD_BYTES_MAX {
            self.expire(self.letters.keys().next().copied());
        }
    }

    /// All that are kept, oldest first, by number.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &DeadLetter)> {
        self.letters
            .iter()
            .map(|(&number, letter)| (number, letter))
    }

    /// Those with this number or a higher one, oldest first.
    pub fn iter_from(&self, number: u64) -> impl Iterator<Item = (u64, &DeadLetter)> {
        let letters = self.letters.range(number..);
        letters.map(|(&number, letter)| (number, letter))
    }

    /// The number of the next letter that will be kept: all that are kept have lower ones.
    pub fn next_number(&self) -> u64 {
        self.ledger.next_number
    }

    /// How many had to go for newer ones, by source and reason.
    pub fn expired(&self) -> impl Iterator<Item = ((&str, Reason), u64)> {
        let expired = self.ledger.expired.iter();
        expired.map(|((source, reason), count)| ((&**source, *reason), *count))
    }

    /// What has to be written for the stored letters to be these.
    pub fn take_changes(&mut self) -> Vec<DeadLetterChange> {
        std::mem::take(&mut self.unsaved)
            .into_iter()
            .map(|number| DeadLetterChange {
                number,
                bytes: self.letters.get(&number).map(|letter| {
                    postcard::to_stdvec(letter).expect("serialising into memory does not fail")
                }),
            })
            .collect()
    }

    pub(super) fn restore(
        ledger: Ledger,
        stored: impl Iterator<Item = (u64, Vec<u8>)>,
    ) -> Result<Self, postcard::Error> {
        let mut letters = Self {
            ledger,
            ..Self::default()
        };
        for (number, bytes) in stored {
            letters.insert(number, postcard::from_bytes(&bytes)?);
        }
        Ok(letters)
    }

    fn insert(&mut self, number: u64, letter: DeadLetter) {
        *self.bytes.entry(letter.source.clone()).or_default() += letter.bytes();
        self.numbers
            .entry(letter.source.clone())
            .or_default()
            .insert(number);
        self.identities.insert(letter.identity());
        self.letters.insert(number, letter);
    }

    fn expire(&mut self, number: Option<u64>) {
        if let Some(letter) = number.and_then(|number| self.remove(number)) {
            self.ledger.count_expired(letter.source, letter.reason);
        }
    }

    fn remove(&mut self, number: u64) -> Option<DeadLetter> {
        let letter = self.letters.remove(&number)?;
        self.identities.remove(&letter.identity());
        if let Some(numbers) = self.numbers.get_mut(&letter.source) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.numbers.remove(&letter.source);
            }
        }
        if let Some(bytes) = self.bytes.get_mut(&letter.source) {
            *bytes = bytes.saturating_sub(letter.bytes());
            if *bytes == 0 {
                self.bytes.remove(&letter.source);
            }
        }
        self.unsaved.insert(number);
        Some(letter)
    }
}

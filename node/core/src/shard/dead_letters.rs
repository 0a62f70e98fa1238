//! Dead letters: refused events with their reasons, deduplicated and bounded in size.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::source::{NAME_BYTES_MAX, OTHER_SOURCES};
use crate::{DeadLetterUpdate, PayloadFormat, Reason, Refusal, wire::NUMBER_BYTES_MAX};

/// Bound for the dead letters of one source on one shard, bytes.
const SOURCE_BYTES_MAX: u64 = 1 << 20;
/// Bound for all dead letters on one shard, bytes.
const SHARD_BYTES_MAX: u64 = 8 << 20;
/// Counted for each letter in addition to its payload and detail, bytes.
const LETTER_OVERHEAD_BYTES: u64 = 64;

/// The most pairs of source and reason that the count of expired letters distinguishes.
const EXPIRED_GROUPS_MAX: usize = 1_024;
/// The most bytes of the encoded ledger: the groups, and those of other sources.
pub(super) const LEDGER_BYTES_MAX: usize = 2 * NUMBER_BYTES_MAX
    + (EXPIRED_GROUPS_MAX + Reason::ALL.len()) * (3 * NUMBER_BYTES_MAX + NAME_BYTES_MAX);
/// The most bytes of an encoded letter: its content counts against the bound of its source.
pub const LETTER_BYTES_MAX: usize = SOURCE_BYTES_MAX as usize + 10 * NUMBER_BYTES_MAX;

/// A refused event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The sender.
    pub source: Box<str>,
    /// The reason.
    pub reason: Reason,
    /// The reason in words.
    pub detail: Box<str>,
    /// Log time of the refusal, ms.
    pub refused_ms: i64,
    /// The learner, if known.
    pub user_id: Option<Box<str>>,
    /// Format of the payload.
    pub format: PayloadFormat,
    /// The letter's identity, together with the source.
    pub payload_hash: u64,
    /// The event as received, or in normalised form.
    #[serde(with = "serde_bytes")]
    pub payload: Vec<u8>,
}

/// A letter to store, or to delete (`None`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterChange {
    /// The letter's number. Numbers grow within the shard.
    pub number: u64,
    /// The encoded letter.
    pub bytes: Option<Vec<u8>>,
}

/// Counts of the dead letters with one source and reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterGroup {
    /// Number of stored letters.
    pub kept: u64,
    /// Size of the stored letters, bytes.
    pub kept_bytes: u64,
    /// Number of letters that were removed for newer ones.
    pub expired: u64,
    /// Log time of the oldest stored letter, ms.
    pub oldest_ms: Option<i64>,
    /// Log time of the newest stored letter, ms.
    pub newest_ms: Option<i64>,
}

/// The dead letters of a shard. Invariants: both bounds hold; `identities` contains exactly the
/// stored letters'.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetters {
    letters: BTreeMap<u64, DeadLetter>,
    numbers: BTreeMap<Box<str>, BTreeSet<u64>>,
    identities: BTreeSet<(Box<str>, u64)>,
    bytes: BTreeMap<Box<str>, u64>,
    /// The sum of `bytes`.
    all_bytes: u64,
    unsaved: BTreeSet<u64>,
    /// The part that is stored in the shard's own record.
    pub(super) ledger: Ledger,
}

/// The data beyond the stored letters.
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

    /// The indexes contain the source too, hence the factor.
    fn names_bytes(&self) -> usize {
        4 * self.source.len() + self.user_id.as_ref().map_or(0, |user_id| user_id.len())
    }

    /// The size that counts against the bounds, bytes.
    pub fn bytes(&self) -> u64 {
        (self.payload.len() + self.detail.len() + self.names_bytes()) as u64 + LETTER_OVERHEAD_BYTES
    }

    fn identity(&self) -> (Box<str>, u64) {
        (self.source.clone(), self.payload_hash)
    }
}

impl Ledger {
    /// Senders choose the source names, so their number is bounded here.
    fn count_expired(&mut self, source: Box<str>, reason: Reason) {
        let is_short = source.len() <= NAME_BYTES_MAX;
        let key = (source, reason);
        let has_room = is_short
            && (self.expired.len() < EXPIRED_GROUPS_MAX || self.expired.contains_key(&key));
        let key = if has_room {
            key
        } else {
            (OTHER_SOURCES.into(), reason)
        };
        *self.expired.entry(key).or_default() += 1;
    }
}

impl DeadLetterGroup {
    /// Counts a stored letter.
    pub fn add(&mut self, letter: &DeadLetter) {
        self.kept += 1;
        self.kept_bytes += letter.bytes();
        self.oldest_ms = Some(self.oldest_ms.unwrap_or(i64::MAX).min(letter.refused_ms));
        self.newest_ms = self.newest_ms.max(Some(letter.refused_ms));
    }
}

impl DeadLetters {
    /// Stores a letter, and removes the oldest ones beyond the bounds. Returns false if the same
    /// letter is stored already.
    pub fn add(&mut self, letter: DeadLetter) -> bool {
        if self.identities.contains(&letter.identity()) {
            return false;
        }
        let number = self.ledger.next_number;
        self.ledger.next_number += 1;
        self.keep(number, letter);
        true
    }

    /// Applies an update. Letters that no longer exist are skipped.
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

    /// Inserts a letter and enforces the bounds.
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
        while self.all_bytes > SHARD_BYTES_MAX {
            self.expire(self.letters.keys().next().copied());
        }
    }

    /// All letters by number, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &DeadLetter)> {
        self.letters
            .iter()
            .map(|(&number, letter)| (number, letter))
    }

    /// The letters with this number or a higher one, oldest first.
    pub fn iter_from(&self, number: u64) -> impl Iterator<Item = (u64, &DeadLetter)> {
        let letters = self.letters.range(number..);
        letters.map(|(&number, letter)| (number, letter))
    }

    /// The letters with lower numbers than this, newest first.
    pub fn iter_before(&self, number: u64) -> impl Iterator<Item = (u64, &DeadLetter)> {
        let letters = self.letters.range(..number).rev();
        letters.map(|(&number, letter)| (number, letter))
    }

    /// The number of the next letter. All stored letters have lower ones.
    pub fn next_number(&self) -> u64 {
        self.ledger.next_number
    }

    /// The next number, and the size of the stored letters, bytes.
    pub(super) fn extent(&self) -> (u64, u64) {
        (self.ledger.next_number, self.all_bytes)
    }

    /// Number of letters removed for newer ones, by source and reason.
    pub fn expired(&self) -> impl Iterator<Item = ((&str, Reason), u64)> {
        let expired = self.ledger.expired.iter();
        expired.map(|((source, reason), count)| ((&**source, *reason), *count))
    }

    /// Returns the letters to write or delete, and counts them as stored.
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
        self.all_bytes += letter.bytes();
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
        self.all_bytes = self.all_bytes.saturating_sub(letter.bytes());
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

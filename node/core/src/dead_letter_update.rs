//! Changes to stored dead letters.

use serde::{Deserialize, Serialize};

use crate::Reason;

/// Changes to the dead letters of one shard, by number. Numbers that no longer exist are skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterUpdate {
    /// Letters to remove with their identities: their events were accepted, or discarded.
    pub removed: Vec<u64>,
    /// Letters that were refused again, with another reason or detail.
    pub amended: Vec<AmendedLetter>,
}

/// A letter that stays, with its new reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmendedLetter {
    /// The letter's number.
    pub number: u64,
    /// The new reason.
    pub reason: Reason,
    /// The reason in words.
    pub detail: Box<str>,
    /// The learner, if known.
    pub user_id: Option<Box<str>>,
}

impl DeadLetterUpdate {
    /// Whether the update changes nothing.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.amended.is_empty()
    }
}

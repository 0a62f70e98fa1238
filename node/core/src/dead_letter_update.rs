//! What is done with dead letters that are kept.

use serde::{Deserialize, Serialize};

use crate::Reason;

/// Letters of one shard, by their numbers, and what becomes of them. A number that is kept no more is passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterUpdate {
    /// Forgotten, their identities too: taken after all, or discarded.
    pub removed: Vec<u64>,
    /// Refused once more, for another reason or in other words.
    pub amended: Vec<AmendedLetter>,
}

/// A letter that stays, and what is said of it from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmendedLetter {
    /// Which one.
    pub number: u64,
    /// Why it is refused now.
    pub reason: Reason,
    /// In words.
    pub detail: Box<str>,
    /// The learner as it is made out now.
    pub user_id: Option<Box<str>>,
}

impl DeadLetterUpdate {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.amended.is_empty()
    }
}

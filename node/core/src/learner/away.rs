//! A block of a learner that is only stored: what has to be known of it to tell whether it is needed.

use std::ops::Range;

use super::{Hour, IdHash};
use crate::time::{PANE_MS, hour_of};

/// Three bytes of an identity's hash: tell most blocks that hold it from those that don't.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint([u8; 3]);

/// A block that is not in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Away {
    /// Where it begins, ms.
    pub from_ms: i64,
    /// Its first pane with an event, ms.
    pub first_pane_ms: i64,
    /// Its last pane with an event, ms.
    pub last_pane_ms: i64,
    /// Log time of the newest event that changed one of its panes, ms.
    pub changed_ms: i64,
    /// How many identities it holds.
    pub identities: u32,
    /// Of its identities and its attempts, in ascending order.
    keys: Box<[Fingerprint]>,
}

impl Fingerprint {
    /// Of an identity.
    pub fn of(id: IdHash) -> Self {
        let [a, b, c, ..] = id.0;
        Self([a, b, c])
    }

    /// As a number.
    pub fn number(self) -> u32 {
        let [a, b, c] = self.0;
        u32::from_be_bytes([0, a, b, c])
    }
}

impl Away {
    /// Of a block that begins at a time and is found by its identities and by others.
    pub fn of(from_ms: i64, block: &Hour, others: Vec<Fingerprint>) -> Self {
        let start_ms = |pane: Option<&super::Pane>| {
            pane.map_or(from_ms, |pane| pane.start_ms(hour_of(from_ms)))
        };
        let mut keys = others;
        keys.extend(block.ids().map(Fingerprint::of));
        keys.sort_unstable();
        Self {
            from_ms,
            first_pane_ms: start_ms(block.panes().first()),
            last_pane_ms: start_ms(block.panes().last()),
            changed_ms: block.changed_ms(),
            // At most a million.
            identities: block.identities() as u32,
            keys: keys.into(),
        }
    }

    /// From its first pane with an event to the end of its last, ms.
    pub fn panes_ms(&self) -> Range<i64> {
        self.first_pane_ms..self.last_pane_ms.saturating_add(PANE_MS)
    }

    /// What it is found by.
    pub fn keys(&self) -> impl Iterator<Item = Fingerprint> {
        self.keys.iter().copied()
    }

    /// Whether it may be found by a key.
    pub fn may_hold(&self, key: Fingerprint) -> bool {
        self.keys.binary_search(&key).is_ok()
    }

    /// What it takes beside its own fields.
    pub fn heap_bytes(&self) -> usize {
        super::memory::block_bytes(size_of_val(&*self.keys))
    }
}

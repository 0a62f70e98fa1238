//! An evicted block: the data that decides whether the block is needed.

use std::ops::Range;

use super::{block_summary::BlockSummary, fingerprint::Fingerprint};
use crate::{
    learner::{compact::allocation_bytes, room::EVENT_BYTES},
    time::{PANE_MS, hour_of},
    wire::{Put, Reader},
};

/// A block that is not in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvictedBlock {
    /// Start of the block, ms.
    pub from_ms: i64,
    /// Its first pane with an event, ms.
    pub first_pane_ms: i64,
    /// Its last pane with an event, ms.
    pub last_pane_ms: i64,
    /// Log time of the newest event that changed one of its panes, ms.
    pub changed_ms: i64,
    /// Number of identities.
    pub identities: u32,
    /// What its events count, bytes.
    pub bytes: u32,
    /// Fingerprints of its identities, attempts and viewings, ascending.
    keys: Box<[Fingerprint]>,
}

impl EvictedBlock {
    /// Summarises the block that starts at a time. It is found by its identities and by `others`.
    pub fn of(from_ms: i64, block: &BlockSummary, others: Vec<Fingerprint>) -> Self {
        let ends_ms = block.ends_ms(hour_of(from_ms));
        let (first_pane_ms, last_pane_ms) = ends_ms.unwrap_or((from_ms, from_ms));
        // Sorting numbers is faster than sorting bytes.
        let mut keys = others;
        keys.reserve(block.ids.len());
        keys.extend(block.ids.iter().copied().map(Fingerprint::of));
        keys.sort_unstable_by_key(|key| key.number());
        Self {
            from_ms,
            first_pane_ms,
            last_pane_ms,
            changed_ms: block.changed_ms,
            // At most a million.
            identities: block.ids.len() as u32,
            bytes: block.bytes,
            keys: keys.into(),
        }
    }

    /// From the start of its first pane with an event to the end of the last, ms.
    pub fn panes_ms(&self) -> Range<i64> {
        self.first_pane_ms..self.last_pane_ms.saturating_add(PANE_MS)
    }

    /// The keys that it is found by.
    pub fn keys(&self) -> impl Iterator<Item = Fingerprint> {
        self.keys.iter().copied()
    }

    /// Whether the block may contain a key.
    pub fn may_hold(&self, key: Fingerprint) -> bool {
        self.keys.binary_search(&key).is_ok()
    }

    /// Heap memory, bytes.
    pub fn heap_bytes(&self) -> usize {
        allocation_bytes(size_of_val(&*self.keys))
    }

    /// Appends the stored form. Times are relative to `before_ms`.
    pub fn put(&self, out: &mut Vec<u8>, before_ms: i64) {
        out.put_signed(self.from_ms.wrapping_sub(before_ms));
        out.put_signed(self.first_pane_ms.wrapping_sub(self.from_ms));
        out.put_signed(self.last_pane_ms.wrapping_sub(self.first_pane_ms));
        out.put_signed(self.changed_ms.wrapping_sub(self.from_ms));
        out.put_number(self.identities.into());
        out.put_number(self.bytes.into());
        out.put_size(self.keys.len());
        self.keys
            .iter()
            .for_each(|Fingerprint(bytes)| out.extend_from_slice(bytes));
    }

    /// Reads the stored form. `sized`: it contains what the block counts. Where it does not, each
    /// event counts the least.
    pub fn read(from: &mut Reader<'_>, before_ms: i64, sized: bool) -> Option<Self> {
        let from_ms = before_ms.wrapping_add(from.signed()?);
        let first_pane_ms = from_ms.wrapping_add(from.signed()?);
        let last_pane_ms = first_pane_ms.wrapping_add(from.signed()?);
        let changed_ms = from_ms.wrapping_add(from.signed()?);
        let identities = u32::try_from(from.number()?).ok()?;
        let bytes = match sized {
            true => u32::try_from(from.number()?).ok()?,
            false => identities.saturating_mul(EVENT_BYTES),
        };
        let keys_bytes = from.size()?.checked_mul(size_of::<Fingerprint>())?;
        let (keys, _) = from.bytes(keys_bytes)?.as_chunks();
        Some(Self {
            from_ms,
            first_pane_ms,
            last_pane_ms,
            changed_ms,
            identities,
            bytes,
            keys: keys.iter().copied().map(Fingerprint).collect(),
        })
    }
}

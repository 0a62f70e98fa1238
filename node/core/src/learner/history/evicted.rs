//! A block of a learner that is only stored: what has to be known of it to tell whether it is needed.

use std::ops::Range;

use super::{block_summary::BlockSummary, blocks::Blocks, fingerprint::Fingerprint};
use crate::{
    learner::compact::{key::IdHash, memory::block_bytes},
    time::{PANE_MS, hour_of},
    wire::{Put, Reader},
};

/// A block that is not in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvictedBlock {
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

impl EvictedBlock {
    /// Of a block that begins at a time and is found by its identities and by others.
    pub fn of(from_ms: i64, block: &BlockSummary, others: Vec<Fingerprint>) -> Self {
        let ends_ms = block.ends_ms(hour_of(from_ms));
        let (first_pane_ms, last_pane_ms) = ends_ms.unwrap_or((from_ms, from_ms));
        // As numbers they are sorted sooner.
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
        block_bytes(size_of_val(&*self.keys))
    }

    /// Appends the stored form; the time is stored relative to another.
    fn put(&self, out: &mut Vec<u8>, before_ms: i64) {
        out.put_signed(self.from_ms.wrapping_sub(before_ms));
        out.put_signed(self.first_pane_ms.wrapping_sub(self.from_ms));
        out.put_signed(self.last_pane_ms.wrapping_sub(self.first_pane_ms));
        out.put_signed(self.changed_ms.wrapping_sub(self.from_ms));
        out.put_number(self.identities.into());
        out.put_size(self.keys.len());
        self.keys
            .iter()
            .for_each(|Fingerprint(bytes)| out.extend_from_slice(bytes));
    }

    /// Reads the stored form.
    fn read(from: &mut Reader<'_>, before_ms: i64) -> Option<Self> {
        let from_ms = before_ms.wrapping_add(from.signed()?);
        let first_pane_ms = from_ms.wrapping_add(from.signed()?);
        let last_pane_ms = first_pane_ms.wrapping_add(from.signed()?);
        let changed_ms = from_ms.wrapping_add(from.signed()?);
        let identities = u32::try_from(from.number()?).ok()?;
        let keys_bytes = from.size()?.checked_mul(size_of::<Fingerprint>())?;
        let (keys, _) = from.bytes(keys_bytes)?.as_chunks();
        Some(Self {
            from_ms,
            first_pane_ms,
            last_pane_ms,
            changed_ms,
            identities,
            keys: keys.iter().copied().map(Fingerprint).collect(),
        })
    }
}

/// What is away.
impl Blocks {
    /// Appends the stored form of all that is away.
    pub fn put_evicted(&self, out: &mut Vec<u8>) {
        out.put_size(self.evicted.len());
        let mut before_ms = 0;
        for evicted in &self.evicted {
            evicted.put(out, before_ms);
            before_ms = evicted.from_ms;
        }
    }

    /// Reads the stored form of all that is away, of a learner that is being restored.
    pub fn read_evicted(&mut self, from: &mut Reader<'_>) -> Option<()> {
        let mut before_ms = 0;
        for _ in 0..from.size()? {
            let evicted = EvictedBlock::read(from, before_ms)?;
            before_ms = evicted.from_ms;
            self.identities = self.identities.checked_add(evicted.identities as usize)?;
            self.insert_evicted(evicted);
        }
        Some(())
    }

    /// Whether all blocks are in memory.
    pub fn is_whole(&self) -> bool {
        self.evicted.is_empty()
    }

    /// From here on all blocks are in memory, ms.
    pub fn whole_from_ms(&self) -> i64 {
        let last = self.evicted.last();
        last.map_or(i64::MIN, |last| self.end_ms(last.from_ms))
    }

    /// Where those in memory begin that come right after one that is away, ms: what is stored with them of those before has to be kept.
    pub fn begin_after_evicted(&self) -> Vec<i64> {
        let resident = self.resident.iter().map(|block| block.from_ms);
        let mut before_ms = i64::MIN;
        let after_evicted = resident.filter(|from_ms| {
            let last_evicted = self.evicted.partition_point(|it| it.from_ms < *from_ms);
            let last_evicted_ms = last_evicted
                .checked_sub(1)
                .map(|at| self.evicted[at].from_ms);
            let is_after = last_evicted_ms.is_some_and(|evicted_ms| evicted_ms > before_ms);
            before_ms = *from_ms;
            is_after
        });
        after_evicted.collect()
    }

    /// Whether the block that covers a time is away.
    pub fn is_evicted(&self, time_ms: i64) -> bool {
        self.evicted_covering(time_ms).is_some()
    }

    /// Where the block begins that covers a time, if it is away.
    pub fn evicted_covering(&self, time_ms: i64) -> Option<i64> {
        let at = self.evicted_at(time_ms)?;
        self.resident_at(time_ms)
            .is_none()
            .then(|| self.evicted[at].from_ms)
    }

    /// Where those begin that are away and may hold something at `[from_ms, to_ms)`.
    pub fn evicted_between(&self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = i64> {
        let from = self
            .evicted
            .partition_point(|block| block.last_pane_ms.saturating_add(PANE_MS) <= from_ms);
        let blocks = self.evicted[from..].iter();
        blocks
            .map(|block| block.from_ms)
            .take_while(move |start_ms| *start_ms < to_ms)
    }

    /// The panes of blocks of which one changed after a log time: from the first to the end of the last, ms.
    pub fn changed_since(&self, log_time_ms: i64) -> impl Iterator<Item = Range<i64>> {
        let resident = self.resident.iter().filter_map(move |block| {
            let hour = hour_of(block.from_ms);
            let (first, last) = (block.hour.panes().first()?, block.hour.panes().last()?);
            let panes_ms = first.start_ms(hour)..last.start_ms(hour).saturating_add(PANE_MS);
            (block.hour.changed_ms() > log_time_ms).then_some(panes_ms)
        });
        let evicted = self.evicted.iter();
        let evicted = evicted.filter(move |block| block.changed_ms > log_time_ms);
        resident.chain(evicted.map(EvictedBlock::panes_ms))
    }

    /// Where those begin that are away and have panes in one of these spans, ms.
    pub fn evicted_within(&self, spans_ms: &[Range<i64>]) -> Vec<i64> {
        let overlaps =
            |one: &Range<i64>, other: &Range<i64>| one.start < other.end && other.start < one.end;
        let within = self.evicted.iter().filter(|block| {
            let panes_ms = block.panes_ms();
            spans_ms.iter().any(|span_ms| overlaps(span_ms, &panes_ms))
        });
        within.map(|block| block.from_ms).collect()
    }

    /// Those that are away and may be found by a key, in hours from the floor on, oldest first.
    pub fn evicted_with(
        &self,
        key: IdHash,
        floor_ms: i64,
    ) -> impl DoubleEndedIterator<Item = &EvictedBlock> {
        let key = Fingerprint::of(key);
        let blocks = if self.filter.may_hold(key) {
            &self.evicted[..]
        } else {
            &[]
        };
        let floor_hour = hour_of(floor_ms);
        blocks
            .iter()
            .filter(move |block| hour_of(block.from_ms) >= floor_hour && block.may_hold(key))
    }

    /// Where the newest begins of those that are away, ms; the least number without one.
    pub fn last_evicted_ms(&self) -> i64 {
        self.evicted.last().map_or(i64::MIN, |last| last.from_ms)
    }

    /// The one that covers a time, unless one in memory begins between the two.
    pub(super) fn evicted_at(&self, time_ms: i64) -> Option<usize> {
        let at = self
            .evicted
            .partition_point(|block| block.from_ms <= time_ms)
            .checked_sub(1)?;
        (hour_of(self.evicted[at].from_ms) == hour_of(time_ms)).then_some(at)
    }
}

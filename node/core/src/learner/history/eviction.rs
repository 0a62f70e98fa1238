//! Queries on the evicted blocks of a learner.

use std::ops::Range;

use super::{blocks::Blocks, evicted_block::EvictedBlock, fingerprint::Fingerprint};
use crate::{
    learner::compact::IdHash,
    time::{PANE_MS, hour_of},
    wire::{Put, Reader},
};

impl Blocks {
    /// Appends the stored form of all evicted blocks.
    pub fn put_evicted(&self, out: &mut Vec<u8>) {
        out.put_size(self.evicted.len());
        let mut before_ms = 0;
        for evicted in &self.evicted {
            evicted.put(out, before_ms);
            before_ms = evicted.from_ms;
        }
    }

    /// Adds the evicted blocks of a learner that is being restored, from their stored form.
    pub fn read_evicted(&mut self, from: &mut Reader<'_>, sized: bool) -> Option<()> {
        let mut before_ms = 0;
        for _ in 0..from.size()? {
            let evicted = EvictedBlock::read(from, before_ms, sized)?;
            before_ms = evicted.from_ms;
            self.identities = self.identities.checked_add(evicted.identities as usize)?;
            self.bytes = self.bytes.checked_add(u64::from(evicted.bytes))?;
            self.insert_evicted(evicted);
        }
        Some(())
    }

    /// Whether all blocks are in memory.
    pub fn is_whole(&self) -> bool {
        self.evicted.is_empty()
    }

    /// Number of the blocks that are not in memory.
    pub fn evicted_blocks(&self) -> usize {
        self.evicted.len()
    }

    /// All blocks from this time on are in memory, ms.
    pub fn whole_from_ms(&self) -> i64 {
        let last = self.evicted.last();
        last.map_or(i64::MIN, |last| self.end_ms(last.from_ms))
    }

    /// Starts of the resident blocks that follow directly after an evicted one, ms. Data that is
    /// stored with them and refers to earlier blocks has to stay in memory.
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

    /// Whether the block that covers a time is evicted.
    pub fn is_evicted(&self, time_ms: i64) -> bool {
        self.evicted_covering(time_ms).is_some()
    }

    /// Start of the block that covers a time, if that block is evicted, ms.
    pub fn evicted_covering(&self, time_ms: i64) -> Option<i64> {
        let at = self.evicted_at(time_ms)?;
        self.resident_at(time_ms)
            .is_none()
            .then(|| self.evicted[at].from_ms)
    }

    /// Starts of the evicted blocks that may contain events in `[from_ms, to_ms)`, ms.
    pub fn evicted_between(&self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = i64> {
        let from = self
            .evicted
            .partition_point(|block| block.last_pane_ms.saturating_add(PANE_MS) <= from_ms);
        let blocks = self.evicted[from..].iter();
        blocks
            .map(|block| block.from_ms)
            .take_while(move |start_ms| *start_ms < to_ms)
    }

    /// The spans of panes of all blocks that changed after a log time, ms.
    pub fn changed_since(&self, log_time_ms: i64) -> impl Iterator<Item = Range<i64>> {
        let resident = self.resident.iter().filter_map(move |block| {
            let hour = hour_of(block.from_ms);
            let (first, last) = (
                block.content.panes().first()?,
                block.content.panes().last()?,
            );
            let panes_ms = first.start_ms(hour)..last.start_ms(hour).saturating_add(PANE_MS);
            (block.content.changed_ms() > log_time_ms).then_some(panes_ms)
        });
        let evicted = self.evicted.iter();
        let evicted = evicted.filter(move |block| block.changed_ms > log_time_ms);
        resident.chain(evicted.map(EvictedBlock::panes_ms))
    }

    /// Starts of the evicted blocks with panes in one of these spans, ms.
    pub fn evicted_within(&self, spans_ms: &[Range<i64>]) -> Vec<i64> {
        let overlaps =
            |one: &Range<i64>, other: &Range<i64>| one.start < other.end && other.start < one.end;
        let within = self.evicted.iter().filter(|block| {
            let panes_ms = block.panes_ms();
            spans_ms.iter().any(|span_ms| overlaps(span_ms, &panes_ms))
        });
        within.map(|block| block.from_ms).collect()
    }

    /// The evicted blocks that may contain a key, from the floor's hour on, oldest first.
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

    /// Start of the newest evicted block, ms; `i64::MIN` if there is none.
    pub fn last_evicted_ms(&self) -> i64 {
        self.evicted.last().map_or(i64::MIN, |last| last.from_ms)
    }

    /// Index of the evicted block that covers a time, unless a resident block starts in between.
    pub(super) fn evicted_at(&self, time_ms: i64) -> Option<usize> {
        let at = self
            .evicted
            .partition_point(|block| block.from_ms <= time_ms)
            .checked_sub(1)?;
        (hour_of(self.evicted[at].from_ms) == hour_of(time_ms)).then_some(at)
    }
}

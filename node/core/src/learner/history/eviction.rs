//! The blocks of a learner that are only stored: which one may hold what is looked for.

use std::ops::Range;

use super::{blocks::Blocks, evicted_block::EvictedBlock, fingerprint::Fingerprint};
use crate::{
    learner::compact::key::IdHash,
    time::{PANE_MS, hour_of},
    wire::{Put, Reader},
};

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

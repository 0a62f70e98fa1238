//! The events of a learner within the retention, in blocks of event time.
//!
//! The newest block is stored in the learner's head, each earlier one in a record of its own. An
//! earlier block that is stored may be evicted from memory and read again.

use std::ops::{Range, RangeInclusive};

use super::{
    block_content::{BlockContent, Pane},
    block_summary::BlockSummary,
    evicted_block::EvictedBlock,
    fingerprint::Fingerprint,
    id_filter::IdFilter,
    new_pane::NewPane,
};
use crate::{
    Event,
    context::EntryContext,
    learner::compact::{CourseSlot, IdHash, reserve_one, vec_bytes},
    time::{HOUR_MS, hour_of, pane_start},
};

/// With fewer identities than this a search is faster than the filter.
const FILTERED_LEAST: usize = 9;

/// All blocks of a learner.
///
/// Invariants: a block starts at an hour, or at a pane within one. It ends where the next block
/// starts, or with its hour. The newest block is in memory.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    /// Blocks in memory, oldest first.
    pub(super) resident: Vec<Block>,
    /// Blocks that are only stored, oldest first.
    pub(super) evicted: Vec<EvictedBlock>,
    /// Starts of removed blocks whose records may still have to be deleted, ms.
    gone: Vec<i64>,
    /// Number of identities in all blocks.
    pub(super) identities: usize,
    /// What the events of all blocks count, bytes.
    pub(super) bytes: u64,
    /// Contains the ids of all blocks, and the other keys of evicted ones; empty while they are
    /// few.
    pub(super) filter: IdFilter,
}

#[derive(Clone, Debug)]
pub(super) struct Block {
    /// Start of the block, ms.
    pub(super) from_ms: i64,
    pub(super) content: BlockContent,
    /// Whether the block differs from its record.
    unsaved: bool,
    /// Size of the record when it was last written or read, bytes; 0 if there is none.
    stored_bytes: u32,
}

/// Ignores the size of the record, which may be outdated.
impl PartialEq for Block {
    fn eq(&self, other: &Self) -> bool {
        let fields = |it: &Self| (it.from_ms, it.unsaved);
        fields(self) == fields(other) && self.content == other.content
    }
}

/// The other fields follow from these.
impl PartialEq for Blocks {
    fn eq(&self, other: &Self) -> bool {
        (&self.resident, &self.evicted, &self.gone)
            == (&other.resident, &other.evicted, &other.gone)
    }
}

impl Eq for Blocks {}

impl Blocks {
    /// Reads a word of each cache line that the next event changes.
    pub fn prefetch(&self) -> u64 {
        let newest = self
            .resident
            .last()
            .map_or(0, |block| block.content.prefetch());
        let evicted = self
            .evicted
            .last()
            .map_or(0, |block| block.from_ms.cast_unsigned());
        self.filter.prefetch() ^ newest ^ evicted
    }

    /// Number of identities, in memory or stored.
    pub fn identities(&self) -> usize {
        self.identities
    }

    /// Size of the records of changed blocks, as of their last write or read, bytes.
    pub fn unsaved_apart_bytes(&self) -> u64 {
        let unsaved = self.earlier().iter().filter(|block| block.unsaved);
        unsaved.map(|block| u64::from(block.stored_bytes)).sum()
    }

    /// Notes the size of a block's record, bytes.
    pub fn note_stored(&mut self, from_ms: i64, bytes: usize) {
        if let Ok(at) = self
            .resident
            .binary_search_by_key(&from_ms, |it| it.from_ms)
        {
            self.resident[at].stored_bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        }
    }

    /// Searches an identity in all resident blocks within the retention, since a second delivery
    /// may carry another time. The block of the event's own time comes first. For evicted blocks
    /// see [`Self::evicted_with`].
    pub fn content_of(&self, id: IdHash, timestamp_ms: i64, floor_ms: i64) -> Option<u32> {
        if !self.filter.may_hold(Fingerprint::of(id)) {
            return None;
        }
        let floor_hour = hour_of(floor_ms);
        let live = |block: &&Block| hour_of(block.from_ms) >= floor_hour;
        let own = self.resident_at(timestamp_ms).map(|at| &self.resident[at]);
        let content = own
            .filter(live)
            .and_then(|block| block.content.content_of(id));
        content.or_else(|| {
            let newest_first = self.resident.iter().rev().take_while(live);
            newest_first
                .filter(|block| own.is_none_or(|own| own.from_ms != block.from_ms))
                .find_map(|block| block.content.content_of(id))
        })
    }

    /// Adds an identity and counts the event. Returns the pane if the event is the first one in it.
    ///
    /// The block of the event's time must be in memory.
    pub fn add(
        &mut self,
        event: &Event<'_>,
        claim: (IdHash, u32),
        course: CourseSlot,
        context: &EntryContext,
    ) -> Option<NewPane> {
        let pane_ms = pane_start(event.timestamp_ms);
        let at = match self.resident_at(event.timestamp_ms) {
            Some(at) if self.is_over(at, pane_ms, context.block_events) => self.begin(pane_ms),
            Some(at) => at,
            None => self.begin(hour_of(event.timestamp_ms).saturating_mul(HOUR_MS)),
        };
        let block = &mut self.resident[at];
        let times = (context.watermark_ms, context.log_time_ms);
        let (bytes, place) = block.content.add(event, claim, course, times);
        block.unsaved = true;
        self.bytes += u64::from(bytes);
        self.identities += 1;
        self.filter.add(Fingerprint::of(claim.0));
        self.keep_filter();
        place.map(|place| self.new_pane(pane_ms, at, place))
    }

    /// Whether a new block begins at the pane: the block is the newest, contains enough events, and
    /// all its panes are earlier. The same events in the same order give the same blocks
    /// everywhere.
    fn is_over(&self, at: usize, pane_ms: i64, events_enough: usize) -> bool {
        let block = &self.resident[at];
        at + 1 == self.resident.len()
            && block.content.identities() >= events_enough
            && (block.content.panes().last())
                .is_some_and(|last| last.start_ms(hour_of(block.from_ms)) < pane_ms)
    }

    /// Begins a block.
    fn begin(&mut self, from_ms: i64) -> usize {
        if let Some(newest) = self
            .resident
            .last_mut()
            .filter(|newest| newest.from_ms < from_ms)
        {
            // From now on this block has a record of its own.
            newest.unsaved = true;
        }
        let at = self
            .resident
            .partition_point(|block| block.from_ms < from_ms);
        self.insert_at(at, from_ms, BlockContent::default());
        at
    }

    /// The pane at an index of a block, with its neighbours in all blocks.
    fn new_pane(&self, start_ms: i64, at: usize, place: usize) -> NewPane {
        let starts = |block: &Block, pane: Option<&Pane>| {
            pane.map(|pane| pane.start_ms(hour_of(block.from_ms)))
        };
        let block = &self.resident[at];
        let (before, from) = block.content.panes().split_at(place);
        let before_ms = starts(block, before.last()).or_else(|| {
            let mut earlier = self.resident[..at].iter().rev();
            let resident_ms = earlier.find_map(|it| starts(it, it.content.panes().last()));
            let evicted = self.evicted.partition_point(|it| it.from_ms < start_ms);
            let evicted_ms = self.evicted[..evicted].last().map(|it| it.last_pane_ms);
            resident_ms.max(evicted_ms)
        });
        let after_ms = starts(block, from.get(1)).or_else(|| {
            let mut later = self.resident[at + 1..].iter();
            let resident_ms = later.find_map(|it| starts(it, it.content.panes().first()));
            let evicted = self.evicted.partition_point(|it| it.from_ms < start_ms);
            let evicted_ms = self.evicted[evicted..].first().map(|it| it.first_pane_ms);
            resident_ms.into_iter().chain(evicted_ms).min()
        });
        NewPane {
            start_ms,
            before_ms: before_ms.unwrap_or(i64::MIN),
            after_ms: after_ms.unwrap_or(i64::MAX),
        }
    }

    /// Notes that an event in another pane changed what the pane at a time shows.
    pub fn touch(&mut self, time_ms: i64, log_time_ms: i64) {
        if let Some(at) = self.resident_at(time_ms) {
            let block = &mut self.resident[at];
            block.content.touch(pane_start(time_ms), log_time_ms);
            block.unsaved = true;
        }
    }

    /// Marks the blocks of a span of time as changed: data that is stored with them changed.
    pub fn mark(&mut self, span_ms: RangeInclusive<i64>) {
        let first = (self.resident).partition_point(|block| block.from_ms <= *span_ms.start());
        for block in &mut self.resident[first.saturating_sub(1)..] {
            if block.from_ms > *span_ms.end() {
                break;
            }
            block.unsaved = true;
        }
    }

    /// Removes the blocks of hours that end at or before the floor.
    pub fn prune(&mut self, floor_ms: i64) {
        let floor_hour = hour_of(floor_ms);
        let live = |from_ms: i64| hour_of(from_ms) >= floor_hour;
        let resident = self.resident.partition_point(|block| !live(block.from_ms));
        for block in self.resident.drain(..resident) {
            self.gone.push(block.from_ms);
            self.identities -= block.content.identities();
            self.bytes -= u64::from(block.content.bytes());
        }
        let evicted = self.evicted.partition_point(|block| !live(block.from_ms));
        for block in self.evicted.drain(..evicted) {
            self.gone.push(block.from_ms);
            self.identities -= block.identities as usize;
            self.bytes -= u64::from(block.bytes);
        }
        self.make_filter();
    }

    /// The resident panes that begin in `[from_ms, to_ms)`, oldest first, each with its block and
    /// its start.
    pub fn panes_between(
        &self,
        from_ms: i64,
        to_ms: i64,
    ) -> impl Iterator<Item = (&BlockContent, i64, &Pane)> {
        let first = self
            .resident
            .partition_point(|block| block.from_ms <= from_ms);
        self.resident[first.saturating_sub(1)..]
            .iter()
            .take_while(move |block| block.from_ms < to_ms)
            .flat_map(move |block| {
                let hour = hour_of(block.from_ms);
                let panes = block.content.panes_between(hour, from_ms, to_ms);
                panes.map(|(start_ms, pane)| (&block.content, start_ms, pane))
            })
    }

    /// The start and content of the newest block.
    pub fn newest(&self) -> Option<(i64, &BlockContent)> {
        let newest = self.resident.last()?;
        Some((newest.from_ms, &newest.content))
    }

    /// The span of the blocks with a record of their own, ms: from the oldest block to the newest.
    /// Empty if there is none.
    pub fn covered_ms(&self) -> Range<i64> {
        let Some((newest_ms, _)) = self.newest() else {
            return i64::MAX..i64::MAX;
        };
        let resident_ms = self.resident.first().map(|block| block.from_ms);
        let evicted_ms = self.evicted.first().map(|block| block.from_ms);
        let first_ms = resident_ms.into_iter().chain(evicted_ms).min();
        first_ms.unwrap_or(newest_ms)..newest_ms
    }

    /// Number of blocks with a record of their own.
    pub fn apart(&self) -> usize {
        self.earlier().len() + self.evicted.len()
    }

    /// Starts of the resident blocks with a record of their own, oldest first, ms.
    pub fn resident_apart(&self) -> impl ExactSizeIterator<Item = i64> {
        self.earlier().iter().map(|block| block.from_ms)
    }

    /// Returns the changed blocks with a record of their own, each with its span, and the starts of
    /// removed blocks whose records are to be deleted. Then all count as stored.
    pub fn take_changes(&mut self) -> (Vec<(Range<i64>, &BlockContent)>, Vec<i64>) {
        let mut gone = std::mem::take(&mut self.gone);
        let resident = self.resident.iter();
        let ends_ms: Vec<i64> = resident.map(|block| self.end_ms(block.from_ms)).collect();
        let Some((newest, earlier)) = self.resident.split_last_mut() else {
            return (Vec::new(), gone);
        };
        newest.unsaved = false;
        let unsaved = (earlier.iter_mut().zip(ends_ms)).filter(|(block, _)| block.unsaved);
        let changed: Vec<_> = unsaved
            .map(|(block, end_ms)| {
                block.unsaved = false;
                (block.from_ms..end_ms, &block.content)
            })
            .collect();
        // A removed block may have begun again.
        gone.retain(|from_ms| {
            let mut written = changed.iter();
            !written.any(|(span, _)| span.start == *from_ms)
        });
        (changed, gone)
    }

    /// Adds a block from its record: an evicted one, or one of a learner that is being restored.
    pub fn insert(&mut self, from_ms: i64, content: BlockContent) {
        if let Ok(at) = self
            .evicted
            .binary_search_by_key(&from_ms, |block| block.from_ms)
        {
            self.evicted.remove(at);
        } else {
            self.identities += content.identities();
            self.bytes += u64::from(content.bytes());
        }
        let at = self
            .resident
            .partition_point(|block| block.from_ms < from_ms);
        self.insert_at(at, from_ms, content);
    }

    /// Adds a block that stays evicted to a learner that is being restored. It is found by its ids
    /// and by `others`.
    pub fn add_evicted(
        &mut self,
        from_ms: i64,
        summary: &BlockSummary,
        others: impl Iterator<Item = IdHash>,
    ) {
        self.identities += summary.ids.len();
        self.bytes += u64::from(summary.bytes);
        let others = others.map(Fingerprint::of).collect();
        self.insert_evicted(EvictedBlock::of(from_ms, summary, others));
    }

    /// Called once all stored blocks are added.
    pub fn settle(&mut self) {
        self.make_filter();
    }

    /// Spans of the blocks that may be evicted, ms: unchanged since they were stored, and ended at
    /// or before `over_by_ms`.
    pub fn evictable_spans(&self, over_by_ms: i64) -> Vec<Range<i64>> {
        let stored = self.earlier().iter().filter(|block| !block.unsaved);
        let spans = stored.map(|block| block.from_ms..self.end_ms(block.from_ms));
        spans.filter(|span| span.end <= over_by_ms).collect()
    }

    /// Evicts the block that starts at a time. It is found by its ids and by `others`.
    pub fn evict(&mut self, from_ms: i64, others: impl Iterator<Item = IdHash>) {
        let resident = &mut self.resident;
        let found = resident.binary_search_by_key(&from_ms, |block| block.from_ms);
        let Some(block) = found.ok().map(|at| resident.remove(at)) else {
            return;
        };
        let others: Vec<Fingerprint> = others.map(Fingerprint::of).collect();
        others.iter().for_each(|key| self.filter.add(*key));
        self.insert_evicted(EvictedBlock::of(from_ms, &block.content.summary(), others));
        self.keep_filter();
    }

    /// Releases unused memory.
    pub fn shrink(&mut self) {
        self.resident.shrink_to_fit();
    }

    /// Heap memory, bytes.
    pub fn heap_bytes(&self) -> usize {
        let hours = self.resident.iter().map(|block| block.content.heap_bytes());
        vec_bytes(&self.resident)
            + hours.sum::<usize>()
            + vec_bytes(&self.evicted)
            + self
                .evicted
                .iter()
                .map(EvictedBlock::heap_bytes)
                .sum::<usize>()
            + vec_bytes(&self.gone)
            + self.filter.heap_bytes()
    }

    /// The resident blocks before the newest.
    fn earlier(&self) -> &[Block] {
        self.resident
            .split_last()
            .map_or(&[], |(_, earlier)| earlier)
    }

    fn insert_at(&mut self, at: usize, from_ms: i64, content: BlockContent) {
        reserve_one(&mut self.resident);
        let unsaved = false;
        self.resident.insert(
            at,
            Block {
                from_ms,
                content,
                unsaved,
                stored_bytes: 0,
            },
        );
    }

    pub(super) fn insert_evicted(&mut self, evicted: EvictedBlock) {
        let at = (self.evicted).partition_point(|other| other.from_ms < evicted.from_ms);
        self.evicted.insert(at, evicted);
    }

    /// End of the block that starts at a time, ms.
    pub fn end_ms(&self, from_ms: i64) -> i64 {
        let hour_end_ms = (hour_of(from_ms) + 1).saturating_mul(HOUR_MS);
        let next_resident = self
            .resident
            .partition_point(|block| block.from_ms <= from_ms);
        let next_resident_ms = self.resident.get(next_resident).map(|next| next.from_ms);
        let next_evicted = self
            .evicted
            .partition_point(|block| block.from_ms <= from_ms);
        let next_evicted_ms = self.evicted.get(next_evicted).map(|next| next.from_ms);
        let next_ms = next_resident_ms.into_iter().chain(next_evicted_ms).min();
        next_ms.map_or(hour_end_ms, |next_ms| next_ms.min(hour_end_ms))
    }

    fn keep_filter(&mut self) {
        if !self.filter.has_room(self.identities) {
            self.make_filter();
        }
    }

    fn make_filter(&mut self) {
        self.filter = IdFilter::default();
        if self.identities >= FILTERED_LEAST {
            let resident = self.resident.iter().flat_map(|block| block.content.ids());
            let evicted = self.evicted.iter().flat_map(EvictedBlock::keys);
            let keys = resident.map(Fingerprint::of).chain(evicted);
            self.filter = IdFilter::of(keys, self.identities);
        }
    }

    /// Index of the resident block that covers a time.
    pub(super) fn resident_at(&self, time_ms: i64) -> Option<usize> {
        let last = self.resident.len().checked_sub(1)?;
        if self.resident[last].from_ms <= time_ms {
            return self.resident[last].covers(time_ms).then_some(last);
        }
        let after = (self.resident).partition_point(|block| block.from_ms <= time_ms);
        let at = after.checked_sub(1)?;
        let from_ms = self.resident[at].from_ms;
        let evicted = self.evicted_at(time_ms);
        let is_nearest = evicted.is_none_or(|evicted| self.evicted[evicted].from_ms < from_ms);
        (is_nearest && self.resident[at].covers(time_ms)).then_some(at)
    }
}

impl Block {
    /// Whether a time after the block's start is in its hour.
    fn covers(&self, time_ms: i64) -> bool {
        hour_of(self.from_ms) == hour_of(time_ms)
    }
}

//! Late changes of panes. The revisions of windows follow from them.

use std::cmp::Ordering;

use crate::{
    context::EntryContext,
    learner::{
        compact::{Sorted, Spot},
        room::CORRECTION_BYTES,
    },
    time::{PANE_MS, pane_start},
    wire::{Put, Reader},
};

/// Entries that changed a pane after the watermark had passed its end, ordered by pane and then by
/// entry. On-time changes are not recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corrections(Sorted<Correction>);

/// One entry that changed a pane late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Correction {
    pub pane_start_ms: i64,
    pub entry_index: u64,
    pub watermark_ms: i64,
    pub log_time_ms: i64,
}

impl Corrections {
    /// Reads a word of each cache line that the next event changes.
    pub fn prefetch(&self) -> u64 {
        self.0.last().map_or(0, |newest| newest.entry_index)
    }

    /// Notes that an entry changed the pane at a time, if the change is late.
    pub fn note(&mut self, time_ms: i64, context: &EntryContext) {
        let pane_start_ms = pane_start(time_ms);
        if context.watermark_ms < pane_start_ms + PANE_MS {
            return;
        }
        let correction = Correction {
            pane_start_ms,
            entry_index: context.index,
            watermark_ms: context.watermark_ms,
            log_time_ms: context.log_time_ms,
        };
        let spot = self.after(pane_start_ms);
        let newest = self.newest_before(spot, pane_start_ms);
        if newest.is_none_or(|newest| newest.entry_index != context.index) {
            self.0.insert(spot, correction);
        }
    }

    /// Removes the corrections of panes before the floor.
    pub fn prune(&mut self, floor_ms: i64) {
        self.0
            .retain(|correction| correction.pane_start_ms >= floor_ms);
    }

    /// Starts of those panes that an entry corrected, ms.
    pub fn made_by(&self, entry_index: u64, panes: impl Iterator<Item = i64>) -> Vec<i64> {
        let by_entry = |start: &i64| {
            self.newest_of(*start)
                .is_some_and(|newest| newest.entry_index == entry_index)
        };
        panes.filter(by_entry).collect()
    }

    /// What the corrections count, bytes.
    pub fn kept_bytes(&self) -> usize {
        self.0.len() * CORRECTION_BYTES
    }

    /// Heap memory, bytes.
    pub fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    /// Appends the stored form. Each correction is relative to the one before.
    pub fn put(&self, out: &mut Vec<u8>, base_ms: i64) {
        out.put_size(self.0.len());
        let mut before = Correction::before_all(base_ms);
        for it in self.0.iter() {
            out.put_signed(it.pane_start_ms.wrapping_sub(before.pane_start_ms));
            let index = it.entry_index.wrapping_sub(before.entry_index);
            out.put_signed(index.cast_signed());
            out.put_signed(it.watermark_ms.wrapping_sub(before.watermark_ms));
            out.put_signed(it.log_time_ms.wrapping_sub(before.log_time_ms));
            before = *it;
        }
    }

    /// Reads the stored form.
    pub fn read(from: &mut Reader<'_>, base_ms: i64) -> Option<Self> {
        let mut corrections = Self::default();
        let mut before = Correction::before_all(base_ms);
        for _ in 0..from.size()? {
            before = Correction {
                pane_start_ms: before.pane_start_ms.wrapping_add(from.signed()?),
                entry_index: before
                    .entry_index
                    .wrapping_add(from.signed()?.cast_unsigned()),
                watermark_ms: before.watermark_ms.wrapping_add(from.signed()?),
                log_time_ms: before.log_time_ms.wrapping_add(from.signed()?),
            };
            corrections.push(before)?;
        }
        Some(corrections)
    }

    /// Appends the next correction in the order.
    pub fn push(&mut self, correction: Correction) -> Option<()> {
        self.0.push(correction, |one, other| {
            let by_pane = one.pane_start_ms.cmp(&other.pane_start_ms);
            by_pane.then(Ordering::Less)
        })
    }

    /// The corrections of the panes that begin in `[start_ms, end_ms)`, in the order of the panes.
    pub fn between(&self, start_ms: i64, end_ms: i64) -> impl Iterator<Item = &Correction> {
        let from = self.0.first_not(|it| it.pane_start_ms < start_ms);
        let corrections = self.0.iter_from(from);
        corrections.take_while(move |correction| correction.pane_start_ms < end_ms)
    }

    /// The position behind the corrections of a pane.
    fn after(&self, pane_start_ms: i64) -> Spot {
        let order = |it: &Correction| it.pane_start_ms.cmp(&pane_start_ms).then(Ordering::Less);
        let (Ok(spot) | Err(spot)) = self.0.search_end(order);
        spot
    }

    fn newest_of(&self, pane_start_ms: i64) -> Option<&Correction> {
        self.newest_before(self.after(pane_start_ms), pane_start_ms)
    }

    fn newest_before(&self, spot: Spot, pane_start_ms: i64) -> Option<&Correction> {
        let before = self.0.before(spot);
        before.filter(|correction| correction.pane_start_ms == pane_start_ms)
    }
}

impl Correction {
    /// The base for the first stored correction.
    fn before_all(base_ms: i64) -> Self {
        Self {
            pane_start_ms: base_ms,
            entry_index: 0,
            watermark_ms: base_ms,
            log_time_ms: base_ms,
        }
    }
}

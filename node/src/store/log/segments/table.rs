//! The table of segments, with the number of live bytes in each.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::segment::Segment;
use crate::store::log::entry::SegmentId;

/// Content of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentUsage {
    /// The segment.
    pub segment: SegmentId,
    /// Size of its records in bytes.
    pub bytes: u64,
    /// Live entries in it, of all groups.
    pub live_entries: u64,
    /// Bytes of their records.
    pub live_bytes: u64,
}

/// Changes in live entries, summed up per segment.
#[derive(Debug, Default)]
pub(crate) struct LiveDelta(BTreeMap<SegmentId, (u64, u64)>);

impl LiveDelta {
    pub(crate) fn add(&mut self, segment: SegmentId, bytes: u32) {
        let (entries, total) = self.0.entry(segment).or_default();
        *entries += 1;
        *total += u64::from(bytes);
    }
}

/// Sums over all segments.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) segments: u64,
    pub(crate) bytes: u64,
    pub(crate) live_bytes: u64,
}

/// All segments of the log. Lock order: this lock comes last, and is held briefly.
#[derive(Debug, Default)]
pub(crate) struct SegmentTable {
    rows: Mutex<BTreeMap<SegmentId, Row>>,
}

#[derive(Debug)]
struct Row {
    file: Arc<Segment>,
    usage: SegmentUsage,
}

impl SegmentTable {
    pub(crate) fn insert(&self, file: Arc<Segment>, bytes: u64) {
        let segment = file.id();
        let usage = SegmentUsage {
            segment,
            bytes,
            ..SegmentUsage::default()
        };
        self.rows().insert(segment, Row { file, usage });
    }

    pub(crate) fn set_bytes(&self, segment: SegmentId, bytes: u64) {
        if let Some(row) = self.rows().get_mut(&segment) {
            row.usage.bytes = bytes;
        }
    }

    pub(crate) fn add_live(&self, delta: &LiveDelta) {
        let mut rows = self.rows();
        for (segment, (entries, bytes)) in &delta.0 {
            if let Some(row) = rows.get_mut(segment) {
                row.usage.live_entries += entries;
                row.usage.live_bytes += bytes;
            }
        }
    }

    pub(crate) fn drop_live(&self, delta: &LiveDelta) {
        let mut rows = self.rows();
        for (segment, (entries, bytes)) in &delta.0 {
            if let Some(row) = rows.get_mut(segment) {
                row.usage.live_entries -= entries;
                row.usage.live_bytes -= bytes;
            }
        }
    }

    /// The segments without live entries, except the active one and the one before it. The active
    /// one receives the next entries. The one before it stays so that the loss of the active
    /// segment's file loses no more than that file.
    pub(crate) fn retirable(&self, active: SegmentId) -> Vec<SegmentId> {
        let rows = self.rows();
        let dead = rows
            .values()
            .map(|row| row.usage)
            .filter(|usage| usage.live_entries == 0);
        dead.map(|usage| usage.segment)
            .filter(|segment| segment + 1 < active)
            .collect()
    }

    pub(crate) fn remove(&self, segments: &[SegmentId]) {
        self.rows().retain(|segment, _| !segments.contains(segment));
    }

    pub(crate) fn file(&self, segment: SegmentId) -> Option<Arc<Segment>> {
        self.rows().get(&segment).map(|row| Arc::clone(&row.file))
    }

    pub(crate) fn usage(&self) -> Vec<SegmentUsage> {
        self.rows().values().map(|row| row.usage).collect()
    }

    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for row in self.rows().values() {
            totals.segments += 1;
            totals.bytes += row.usage.bytes;
            totals.live_bytes += row.usage.live_bytes;
        }
        totals
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<SegmentId, Row>> {
        self.rows.lock()
    }
}

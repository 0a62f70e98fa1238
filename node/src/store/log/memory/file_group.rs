//! One group of a file log: its index, and the payloads that are still in memory.
//!
//! A new entry is unwritten and has its payload in memory. Once its record is durable it has a
//! place on disk; later its payload is evicted. Costs about 100 bytes of memory per live entry.

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};

use super::group_log::{GroupLog, Slot};
use crate::store::log::entry::{GroupId, GroupUsage, Leader, LogEntry, SegmentId};
use crate::store::log::format::headers;
use crate::store::log::segments::table::{LiveDelta, SegmentTable};

/// Place of a record on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DiskPlace {
    pub(crate) segment: SegmentId,
    pub(crate) offset: u32,
    pub(crate) len: u32,
}

/// Index entry: a payload in memory, a place on disk, or both.
#[derive(Clone, Debug)]
pub(crate) struct FileSlot {
    pub(crate) leader: Leader,
    pub(crate) tag: u8,
    pub(crate) place: Option<DiskPlace>,
    pub(crate) payload: Option<Bytes>,
    /// Number of the append that added it.
    seq: u64,
    /// Bytes of all records up to the end of this one, counted from a fixed point of the group's
    /// log.
    end_bytes: u64,
    len: u32,
}

impl FileSlot {
    pub(crate) fn on_disk(leader: Leader, tag: u8, place: DiskPlace) -> Self {
        Self {
            leader,
            tag,
            place: Some(place),
            payload: None,
            seq: 0,
            end_bytes: 0,
            len: place.len,
        }
    }

    pub(crate) fn record_bytes(&self) -> u64 {
        u64::from(self.len)
    }
}

impl Slot for FileSlot {
    fn leader(&self) -> Leader {
        self.leader
    }
}

/// The state behind a group's lock.
#[derive(Debug, Default)]
pub(crate) struct FileGroupState {
    pub(crate) log: GroupLog<FileSlot>,
    pub(crate) removed: bool,
    last_seq: u64,
}

/// One group. Lock order: group, then queue, then segment table.
#[derive(Debug)]
pub(crate) struct FileGroup {
    id: GroupId,
    state: Mutex<FileGroupState>,
}

impl FileGroup {
    pub(crate) fn new(id: GroupId, mut log: GroupLog<FileSlot>) -> Self {
        let mut end_bytes = 0;
        for slot in log.slots_mut() {
            end_bytes += slot.record_bytes();
            slot.end_bytes = end_bytes;
        }
        Self {
            id,
            state: Mutex::new(FileGroupState {
                log,
                ..FileGroupState::default()
            }),
        }
    }

    pub(crate) fn id(&self) -> GroupId {
        self.id
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, FileGroupState> {
        self.state.lock()
    }

    /// Marks the records of append `seq` as durable. Those that were not removed meanwhile count as
    /// live in their segments.
    pub(crate) fn written(&self, seq: u64, records: &[(u64, DiskPlace)], table: &SegmentTable) {
        let mut state = self.lock();
        let mut delta = LiveDelta::default();
        for (index, place) in records {
            if let Some(slot) = state.log.slot_mut(*index).filter(|slot| slot.seq == seq) {
                slot.place = Some(*place);
                delta.add(place.segment, place.len);
            }
        }
        table.add_live(&delta);
    }

    /// Evicts the payload of a written entry, unless another entry has replaced it.
    pub(crate) fn evict(&self, seq: u64, index: u64) {
        if let Some(slot) = self
            .lock()
            .log
            .slot_mut(index)
            .filter(|slot| slot.seq == seq)
        {
            slot.payload = None;
        }
    }
}

impl FileGroupState {
    /// Number of the next append.
    pub(crate) fn next_seq(&mut self) -> u64 {
        self.last_seq += 1;
        self.last_seq
    }

    /// Adds entries that passed [`GroupLog::check_append`].
    pub(crate) fn append(&mut self, seq: u64, entries: Vec<LogEntry>) {
        let mut end_bytes = self.log.slots().back().map_or(0, |slot| slot.end_bytes);
        for LogEntry {
            position,
            tag,
            payload,
        } in entries
        {
            // Fits: a payload is at most `PAYLOAD_BYTES_MAX`.
            let len = headers::entry_record_len(payload.len()) as u32;
            end_bytes += u64::from(len);
            let leader = position.leader;
            let slot = FileSlot {
                leader,
                tag,
                place: None,
                payload: Some(payload),
                seq,
                end_bytes,
                len,
            };
            self.log.push(position.index, slot);
        }
    }

    pub(crate) fn usage(&self) -> GroupUsage {
        let slots = self.log.slots();
        let (Some(first), Some(last)) = (slots.front(), slots.back()) else {
            return GroupUsage::default();
        };
        GroupUsage {
            entries: slots.len() as u64,
            bytes: last.end_bytes - first.end_bytes + first.record_bytes(),
            // Entries are written in the order of their indexes, so the first one is in the oldest
            // segment.
            oldest_segment: first.place.map(|place| place.segment),
        }
    }
}

/// Entries and bytes that these index entries count for, per segment.
pub(crate) fn live_in<'a>(slots: impl IntoIterator<Item = &'a FileSlot>) -> LiveDelta {
    let mut delta = LiveDelta::default();
    for place in slots.into_iter().filter_map(|slot| slot.place) {
        delta.add(place.segment, place.len);
    }
    delta
}

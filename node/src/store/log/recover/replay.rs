//! Rebuilds all groups from the records of the segments, in order.
//!
//! Segments without live entries may be missing in the middle, and with them truncations. So an
//! index may for a while point to an entry that was replaced long ago. But each segment begins with
//! the state of all groups, and the segment of a live entry is never deleted. So at the end each
//! index within a group's range points to its live entry.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::store::log::entry::{GroupId, SegmentId};
use crate::store::log::error::OpenError;
use crate::store::log::format::ledger::Ledger;
use crate::store::log::format::record::{Control, EntryFields, KIND_ENTRY};
use crate::store::log::format::scan::Scanned;
use crate::store::log::memory::file_group::{DiskPlace, FileGroup, FileSlot};
use crate::store::log::memory::group_log::GroupLog;

/// The state as of the records read so far.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    pub(crate) ledger: Ledger,
    entries: BTreeMap<GroupId, BTreeMap<u64, FileSlot>>,
    /// Number of the newest batch.
    pub(crate) batch: u64,
}

impl Replay {
    pub(crate) fn record(
        &mut self,
        segment: SegmentId,
        record: &Scanned<'_>,
    ) -> Result<(), OpenError> {
        self.batch = self.batch.max(record.header.batch);
        if record.header.kind == KIND_ENTRY {
            self.entry(segment, record)
        } else {
            self.control(segment, record)
        }
    }

    /// The groups, once all records are read; an error if a live entry is missing.
    pub(crate) fn finish(&mut self) -> Result<BTreeMap<GroupId, Arc<FileGroup>>, OpenError> {
        let mut groups = BTreeMap::new();
        for (group, meta) in &self.ledger.groups {
            let entries = self.entries.remove(group).unwrap_or_default();
            // Entries outside the range were pruned, so only a gap can be wrong.
            if let Some(index) = (meta.first..meta.next).find(|index| !entries.contains_key(index))
            {
                return Err(OpenError::MissingEntry {
                    group: *group,
                    index,
                });
            }
            let log = GroupLog::restored(meta, entries.into_values().collect());
            groups.insert(*group, Arc::new(FileGroup::new(*group, log)));
        }
        Ok(groups)
    }

    fn entry(&mut self, segment: SegmentId, record: &Scanned<'_>) -> Result<(), OpenError> {
        let offset = record.offset;
        let contradiction = OpenError::Contradiction { segment, offset };
        let Some(fields) = EntryFields::decode(record.payload) else {
            return Err(contradiction);
        };
        let EntryFields {
            group,
            position,
            tag,
        } = fields;
        if !self.ledger.entry(group, position.index) {
            return Err(contradiction);
        }
        let len = record.header.record_len() as u32;
        let place = DiskPlace {
            segment,
            offset,
            len,
        };
        let slot = FileSlot::on_disk(position.leader, tag, place);
        self.entries
            .entry(group)
            .or_default()
            .insert(position.index, slot);
        Ok(())
    }

    fn control(&mut self, segment: SegmentId, record: &Scanned<'_>) -> Result<(), OpenError> {
        let Scanned {
            offset,
            header,
            payload,
            ..
        } = *record;
        if !Control::knows(header.kind) {
            let (what, found) = ("record kind", u32::from(header.kind));
            return Err(OpenError::Unsupported {
                segment,
                offset,
                what,
                found,
            });
        }
        let control = Control::decode(header.kind, payload)
            .ok_or(OpenError::Contradiction { segment, offset })?;
        self.ledger.control(&control);
        match control {
            Control::Head { .. } => {
                self.entries
                    .retain(|group, _| self.ledger.groups.contains_key(group));
                let groups = self.ledger.groups.keys().copied().collect::<Vec<_>>();
                groups.into_iter().for_each(|group| self.prune(group));
            }
            Control::Truncate { group, .. } | Control::Purge { group, .. } => self.prune(group),
            Control::Remove { group } => drop(self.entries.remove(&group)),
            Control::Vote { .. }
            | Control::Committed { .. }
            | Control::Retired { .. }
            | Control::Vouch
            | Control::Closed => {}
        }
        Ok(())
    }

    /// Removes the entries outside the group's range.
    fn prune(&mut self, group: GroupId) {
        let (Some(meta), Some(entries)) =
            (self.ledger.groups.get(&group), self.entries.get_mut(&group))
        else {
            return;
        };
        entries.split_off(&meta.next);
        let kept = entries.split_off(&meta.first);
        *entries = kept;
    }
}

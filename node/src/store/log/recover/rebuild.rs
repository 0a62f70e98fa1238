//! Rebuilds all groups from the contents of the segments.
//!
//! Segments without live entries may be missing in the middle, and with them truncations. So an
//! older segment may list entries that were replaced long ago. But entries of a group are written
//! in the order of their indexes, and the segment of a live entry is never deleted. So of an index,
//! the entry in the newest segment is the live one, and everything that an older segment lists from
//! there on is dead.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::store::log::entry::{GroupId, SegmentId};
use crate::store::log::error::OpenError;
use crate::store::log::format::contents::{LiveEntries, RecordPlace, SegmentContents};
use crate::store::log::format::footer::KIND_FOOTER;
use crate::store::log::format::group_meta::GroupMeta;
use crate::store::log::format::record::{Control, EntryFields, KIND_ENTRY};
use crate::store::log::format::scan::Scanned;
use crate::store::log::memory::file_group::{DiskPlace, FileGroup, FileSlot};
use crate::store::log::memory::group_log::GroupLog;

/// The contents of the segments read so far.
#[derive(Debug, Default)]
pub(crate) struct Rebuild {
    /// Of the newest one.
    newest: SegmentContents,
    /// By group: what each segment lists of it, oldest first.
    pieces: BTreeMap<GroupId, Vec<Piece>>,
}

/// What one segment lists of one group.
#[derive(Debug)]
struct Piece {
    segment: SegmentId,
    /// Index behind the last entry.
    next: u64,
    entries: LiveEntries,
}

/// Applies a record to the contents of its segment.
pub(crate) fn apply(
    contents: &mut SegmentContents,
    segment: SegmentId,
    record: &Scanned<'_>,
) -> Result<(), OpenError> {
    let Scanned {
        offset,
        header,
        payload,
        ..
    } = *record;
    let contradiction = OpenError::Contradiction { segment, offset };
    match header.kind {
        KIND_ENTRY => {
            let fields = EntryFields::decode(payload);
            let len = header.record_len() as u32;
            let place = RecordPlace { offset, len };
            match fields.is_some_and(|fields| contents.entry(fields, place)) {
                true => Ok(()),
                false => Err(contradiction),
            }
        }
        // It adds nothing to what the records say.
        KIND_FOOTER => Ok(()),
        kind if !Control::knows(kind) => Err(OpenError::Unsupported {
            segment,
            offset,
            what: "record kind",
            found: u32::from(kind),
        }),
        kind => {
            let control = Control::decode(kind, payload).ok_or(contradiction)?;
            contents.control(&control);
            Ok(())
        }
    }
}

impl Rebuild {
    /// Adds the contents of the next segment.
    pub(crate) fn add(&mut self, segment: SegmentId, contents: SegmentContents) {
        for (group, entries) in &contents.live {
            let meta = contents.ledger.groups.get(group);
            self.pieces.entry(*group).or_default().push(Piece {
                segment,
                next: meta.map_or(0, |meta| meta.next),
                entries: entries.clone(),
            });
        }
        self.newest = contents;
    }

    /// The contents of the newest segment.
    pub(crate) fn newest(&self) -> &SegmentContents {
        &self.newest
    }

    /// The contents of the newest segment and the groups, once all segments are added; an error if
    /// a live entry is missing.
    pub(crate) fn finish(
        self,
    ) -> Result<(SegmentContents, BTreeMap<GroupId, Arc<FileGroup>>), OpenError> {
        let mut groups = BTreeMap::new();
        for (group, meta) in &self.newest.ledger.groups {
            let pieces = self.pieces.get(group).map(Vec::as_slice);
            let slots = slots(pieces.unwrap_or_default(), meta);
            if meta.first + (slots.len() as u64) < meta.next {
                return Err(OpenError::MissingEntry {
                    group: *group,
                    index: meta.first + slots.len() as u64,
                });
            }
            let log = GroupLog::restored(meta, slots);
            groups.insert(*group, Arc::new(FileGroup::new(*group, log)));
        }
        Ok((self.newest, groups))
    }
}

/// The live entries of a group from its first one on, up to the first one that is missing.
fn slots(pieces: &[Piece], meta: &GroupMeta) -> VecDeque<FileSlot> {
    // From the newest piece back: what a newer one lists replaces what is in older ones from there
    // on.
    let mut parts = Vec::new();
    let mut end = meta.next;
    for piece in pieces.iter().rev() {
        let first = piece.next.saturating_sub(piece.entries.len());
        let part = first.max(meta.first)..piece.next.min(end);
        if !part.is_empty() {
            end = part.start;
            parts.push((piece, first, part));
        }
    }
    let mut slots = VecDeque::new();
    for (piece, first, part) in parts.into_iter().rev() {
        if part.start != meta.first + slots.len() as u64 {
            break;
        }
        let (skipped, taken) = (part.start - first, part.end - part.start);
        slots.reserve(taken as usize);
        let listed = piece.entries.iter().skip(skipped as usize);
        slots.extend(listed.take(taken as usize).map(|(leader, tag, place)| {
            let RecordPlace { offset, len } = place;
            let place = DiskPlace {
                segment: piece.segment,
                offset,
                len,
            };
            FileSlot::on_disk(leader, tag, place)
        }));
    }
    slots
}

//! Reads entries of a file log: from memory if they are there, otherwise from their segments, with
//! verification.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::entry::{LogEntry, Position, SegmentId};
use super::error::ReadError;
use super::format::headers::{ENTRY_FIELDS_LEN, Place, RECORD_HEADER_LEN, RecordHeader};
use super::format::record::{EntryFields, KIND_ENTRY};
use super::memory::file_group::{DiskPlace, FileGroup, FileSlot};
use super::segments::segment;
use super::segments::table::SegmentTable;
use crate::store::want;

/// An entry to read, and its source.
struct Wanted {
    fields: EntryFields,
    source: Source,
}

enum Source {
    Memory(Bytes),
    /// Opened while the group was locked: it stays readable after the segment's deletion.
    Disk(Arc<File>, DiskPlace),
}

/// Reads the entries within `range` as of now. Stops before their records exceed `bytes_max`, but
/// always returns the first entry.
pub(super) fn read(
    group: &FileGroup,
    range: Range<u64>,
    bytes_max: u64,
    table: &SegmentTable,
) -> Result<Vec<LogEntry>, ReadError> {
    // Not while the group is locked: others need the lock to go on.
    want::patiently_if(ReadError::is_want, "a read of the log", || {
        find(group, range.clone(), bytes_max, table)
    })?
    .into_iter()
    .map(Wanted::entry)
    .collect()
}

fn find(
    group: &FileGroup,
    range: Range<u64>,
    bytes_max: u64,
    table: &SegmentTable,
) -> Result<Vec<Wanted>, ReadError> {
    let state = group.lock();
    let mut wanted = Vec::new();
    let mut bytes = 0;
    let mut open: Option<(SegmentId, Arc<File>)> = None;
    for (index, slot) in state.log.range(range) {
        bytes += slot.record_bytes();
        if bytes > bytes_max && !wanted.is_empty() {
            break;
        }
        let position = Position {
            leader: slot.leader,
            index,
        };
        let fields = EntryFields {
            group: group.id(),
            position,
            tag: slot.tag,
        };
        // Files are looked up under the group's lock: while it is held, live entries keep their
        // segments from deletion.
        let Some(source) = source(slot, &mut open, table)? else {
            break;
        };
        wanted.push(Wanted { fields, source });
    }
    Ok(wanted)
}

fn source(
    slot: &FileSlot,
    open: &mut Option<(SegmentId, Arc<File>)>,
    table: &SegmentTable,
) -> Result<Option<Source>, ReadError> {
    if let Some(payload) = &slot.payload {
        return Ok(Some(Source::Memory(payload.clone())));
    }
    let Some(place) = slot.place else {
        return Ok(None);
    };
    if open.as_ref().is_none_or(|(id, _)| *id != place.segment) {
        let segment = table.file(place.segment);
        debug_assert!(segment.is_some(), "a live entry keeps its segment");
        let Some(segment) = segment else {
            return Ok(None);
        };
        let file = segment.file().map_err(|source| ReadError::Io {
            segment: place.segment,
            source: Arc::new(source),
        })?;
        *open = Some((place.segment, file));
    }
    let file = open.as_ref().map(|(_, file)| Arc::clone(file));
    Ok(file.map(|file| Source::Disk(file, place)))
}

impl Wanted {
    fn entry(self) -> Result<LogEntry, ReadError> {
        let Self { fields, source } = self;
        let payload = match source {
            Source::Memory(payload) => payload,
            Source::Disk(file, place) => from_disk(&file, place, fields)?,
        };
        Ok(LogEntry {
            position: fields.position,
            tag: fields.tag,
            payload,
        })
    }
}

/// Reads a payload back. Its checksum and fields must be those of the index.
fn from_disk(file: &File, place: DiskPlace, fields: EntryFields) -> Result<Bytes, ReadError> {
    let DiskPlace {
        segment,
        offset,
        len,
    } = place;
    let bytes = match segment::read_at(file, offset, len) {
        Ok(bytes) => bytes,
        Err(source) if source.kind() == std::io::ErrorKind::UnexpectedEof => Vec::new(),
        Err(source) => {
            return Err(ReadError::Io {
                segment,
                source: Arc::new(source),
            });
        }
    };
    payload_of(bytes, place, fields).ok_or(ReadError::Damaged {
        group: fields.group,
        index: fields.position.index,
        segment,
        offset,
    })
}

fn payload_of(bytes: Vec<u8>, place: DiskPlace, fields: EntryFields) -> Option<Bytes> {
    let at = Place {
        segment: place.segment,
        offset: place.offset,
    };
    let header = RecordHeader::decode(&bytes, at).ok()?;
    let end = RECORD_HEADER_LEN + header.payload_len as usize;
    let payload = bytes.get(RECORD_HEADER_LEN..end)?;
    let sound = header.kind == KIND_ENTRY
        && crc32c::crc32c(payload) == header.payload_crc
        && EntryFields::decode(payload) == Some(fields);
    sound.then(|| Bytes::from(bytes).slice(RECORD_HEADER_LEN + ENTRY_FIELDS_LEN..end))
}

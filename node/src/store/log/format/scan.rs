//! Reads a segment's bytes record by record, and finds evidence about damage.
//!
//! Must not know: groups, files.

use super::blank::is_blank;
use super::headers::{ALIGN, FILE_HEADER_LEN, HeaderFault, Place, RECORD_HEADER_LEN, RecordHeader};
use crate::store::log::entry::SegmentId;
use crate::store::log::error::DamageKind;

/// A record with valid checksums.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanned<'a> {
    pub(crate) offset: u32,
    pub(crate) header: RecordHeader,
    pub(crate) payload: &'a [u8],
    /// The checksum of the header.
    pub(crate) crc: u32,
}

impl Scanned<'_> {
    /// Offset of the record's end.
    pub(crate) fn end(&self) -> u32 {
        self.offset + self.header.record_len() as u32
    }
}

/// Why reading stopped before the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Damaged { offset: u32, what: DamageKind },
    Newer { offset: u32, version: u32 },
}

/// Reads the record at `offset`; `None` at the end of the bytes, and where nothing was written yet.
pub(crate) fn record_at(
    segment: SegmentId,
    bytes: &[u8],
    offset: u32,
) -> Result<Option<Scanned<'_>>, Stop> {
    let rest = bytes.get(offset as usize..).unwrap_or_default();
    if is_blank(rest) {
        return Ok(None);
    }
    let damaged = |what| Stop::Damaged { offset, what };
    let header = match RecordHeader::decode(rest, Place { segment, offset }) {
        Ok(header) => header,
        Err(HeaderFault::Newer(version)) => return Err(Stop::Newer { offset, version }),
        Err(HeaderFault::Damaged) => return Err(damaged(DamageKind::RecordHeader)),
    };
    if rest.len() < header.record_len() {
        return Err(damaged(DamageKind::CutShort));
    }
    let payload = &rest[RECORD_HEADER_LEN..RECORD_HEADER_LEN + header.payload_len as usize];
    if crc32c::crc32c(payload) != header.payload_crc {
        return Err(damaged(DamageKind::Checksum));
    }
    Ok(Some(Scanned {
        offset,
        header,
        payload,
        crc: rest.first_chunk().map_or(0, RecordHeader::crc_in),
    }))
}

/// Looks behind the damage at `damaged` for a record of a write batch that begins behind it, and
/// returns the offset of that batch. Such a batch was written only once everything before it was
/// durable, the damaged record included. A record of the damaged batch itself proves nothing: the
/// parts of a batch reach the disk in any order.
///
/// A valid header suffices; its payload may be incomplete.
pub(crate) fn vouched_by(segment: SegmentId, bytes: &[u8], damaged: u32) -> Option<u32> {
    let from = (damaged as usize)
        .max(FILE_HEADER_LEN)
        .next_multiple_of(ALIGN);
    (from..bytes.len()).step_by(ALIGN).find_map(|offset| {
        let place = Place {
            segment,
            offset: offset as u32,
        };
        match RecordHeader::decode(&bytes[offset..], place) {
            Ok(header) => (header.batch_start > damaged).then_some(header.batch_start),
            // Written by a newer build: its content is unknown, so it must not be cut off.
            Err(HeaderFault::Newer(_)) => Some(place.offset),
            Err(HeaderFault::Damaged) => None,
        }
    })
}

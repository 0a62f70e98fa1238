//! Reads a segment's bytes record by record, and finds evidence about damage.
//!
//! Must not know: groups, files.

use super::blank::is_blank;
use super::footer::KIND_FOOTER;
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
    record_in(rest, Place { segment, offset }).map(Some)
}

/// Reads the record at the front of `bytes`, which begin at `place`.
pub(crate) fn record_in(bytes: &[u8], place: Place) -> Result<Scanned<'_>, Stop> {
    let offset = place.offset;
    let damaged = |what| Stop::Damaged { offset, what };
    let header = match RecordHeader::decode(bytes, place) {
        Ok(header) => header,
        Err(HeaderFault::Newer(version)) => return Err(Stop::Newer { offset, version }),
        Err(HeaderFault::Damaged) => return Err(damaged(DamageKind::RecordHeader)),
    };
    if bytes.len() < header.record_len() {
        return Err(damaged(DamageKind::CutShort));
    }
    let payload = &bytes[RECORD_HEADER_LEN..RECORD_HEADER_LEN + header.payload_len as usize];
    if crc32c::crc32c(payload) != header.payload_crc {
        return Err(damaged(DamageKind::Checksum));
    }
    Ok(Scanned {
        offset,
        header,
        payload,
        crc: bytes.first_chunk().map_or(0, RecordHeader::crc_in),
    })
}

/// The end of the footer at `offset`, if its header is valid and nothing but blank bytes follows.
/// Its payload may be damaged.
pub(crate) fn footer_end(segment: SegmentId, bytes: &[u8], offset: u32) -> Option<u32> {
    let rest = bytes.get(offset as usize..)?;
    let header = RecordHeader::decode(rest, Place { segment, offset }).ok()?;
    let behind = rest.get(header.record_len()..)?;
    let is_last_footer = header.kind == KIND_FOOTER && is_blank(behind);
    is_last_footer.then(|| offset + header.record_len() as u32)
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

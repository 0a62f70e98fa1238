//! Reads a sealed segment by its header and footer.

use std::fs::File;
use std::io::{self, ErrorKind};

use crate::store::log::format::contents::SegmentContents;
use crate::store::log::format::footer::{self, KIND_FOOTER, TRAILER_LEN};
use crate::store::log::format::headers::{FILE_HEADER_LEN, FileHeader, Place, RecordHeader};
use crate::store::log::format::scan;
use crate::store::log::segments::segment::{self, Segment};

/// Bytes read from a segment's end at first. They hold most footers.
const END_BYTES: u32 = 64 << 10;

/// What a read of the whole segment would give.
pub(crate) struct Sealed {
    pub(crate) file_header: FileHeader,
    pub(crate) contents: SegmentContents,
    /// Of the footer, which is the last record.
    pub(crate) header: RecordHeader,
    /// The checksum in that header.
    pub(crate) record_crc: u32,
    /// Offset of the segment's end.
    pub(crate) len: u32,
}

/// Reads a segment's footer. `None` if the file does not end with a valid one, as after a build
/// without footers, damage, or a crash that brought the blank bytes behind the footer back.
pub(crate) fn read(file: &Segment) -> io::Result<Option<Sealed>> {
    let segment = file.id();
    let file = file.file()?;
    match find(&file, segment) {
        // Cut meanwhile, or shorter than its own header.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        found => found,
    }
}

fn find(file: &File, segment: u64) -> io::Result<Option<Sealed>> {
    let Ok(len) = u32::try_from(file.metadata()?.len()) else {
        return Ok(None);
    };
    let header = segment::read_at(file, 0, FILE_HEADER_LEN as u32)?;
    let Ok(file_header) = FileHeader::decode(&header) else {
        return Ok(None);
    };
    let mut from = len.saturating_sub(END_BYTES);
    let mut bytes = segment::read_at(file, from, len - from)?;
    let least = FILE_HEADER_LEN as u32..len.saturating_sub(TRAILER_LEN as u32);
    let Some(offset) = footer::offset_in(&bytes).filter(|offset| least.contains(offset)) else {
        return Ok(None);
    };
    if offset < from {
        from = offset;
        bytes = segment::read_at(file, from, len - from)?;
    }
    let bytes = &bytes[(offset - from) as usize..];
    let place = Place { segment, offset };
    Ok(
        sound(bytes, place).map(|(header, record_crc, contents)| Sealed {
            file_header,
            contents,
            header,
            record_crc,
            len,
        }),
    )
}

/// The footer that these bytes are, if they are nothing else.
fn sound(bytes: &[u8], place: Place) -> Option<(RecordHeader, u32, SegmentContents)> {
    let record = scan::record_in(bytes, place).ok()?;
    let is_footer = record.header.kind == KIND_FOOTER && record.header.record_len() == bytes.len();
    let contents = footer::decode(record.payload, place.offset).filter(|_| is_footer)?;
    Some((record.header, record.crc, contents))
}

//! Verifies a sealed segment of an open log from the disk, record by record.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::error::VerifyError;
use super::format::headers::{
    ALIGN, FILE_HEADER_LEN, FileHeader, Place, RECORD_HEADER_LEN, RecordHeader,
};
use super::segments::segment::Segment;

/// Bytes that are read at once.
const STEP_BYTES: usize = 1 << 20;

/// Called before each read with its size in bytes. It may wait; an error ends the reading.
pub type Pace<'p> = dyn Fn(usize) -> io::Result<()> + 'p;

/// A file that is read at a pace.
struct PacedFile<'p> {
    file: Arc<File>,
    at: u64,
    pace: &'p Pace<'p>,
}

impl Read for PacedFile<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        (self.pace)(bytes.len())?;
        let read = self.file.read_at(bytes, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Verifies the first `len` bytes of a segment, and leaves none of it in the page cache.
pub(super) fn verify(segment: &Segment, len: u64, pace: &Pace<'_>) -> Result<(), VerifyError> {
    let id = segment.id();
    let mut at = 0;
    let verified = records(segment, len, pace, &mut at);
    let dropped = segment.drop_cache();
    match verified.and_then(|is_sound| dropped.map(|()| is_sound)) {
        Ok(true) => Ok(()),
        Ok(false) => Err(VerifyError::Damaged {
            segment: id,
            offset: at,
        }),
        Err(source) if source.kind() == ErrorKind::UnexpectedEof => Err(VerifyError::Damaged {
            segment: id,
            offset: at,
        }),
        Err(source) => Err(VerifyError::Io {
            segment: id,
            source,
        }),
    }
}

/// Whether all records are sound; otherwise the first one that is not is `at` this offset.
fn records(segment: &Segment, len: u64, pace: &Pace<'_>, at: &mut u32) -> io::Result<bool> {
    segment.drop_cache()?;
    let file = PacedFile {
        file: segment.file()?,
        at: 0,
        pace,
    };
    let mut file = BufReader::with_capacity(STEP_BYTES, file);
    let mut header = [0; FILE_HEADER_LEN];
    file.read_exact(&mut header)?;
    if !FileHeader::decode(&header).is_ok_and(|header| header.segment == segment.id()) {
        return Ok(false);
    }
    *at = FILE_HEADER_LEN as u32;
    let mut payload = Vec::new();
    while u64::from(*at) < len {
        let mut header = [0; RECORD_HEADER_LEN];
        file.read_exact(&mut header)?;
        let place = Place {
            segment: segment.id(),
            offset: *at,
        };
        let Ok(header) = RecordHeader::decode(&header, place) else {
            return Ok(false);
        };
        let bytes = header.payload_len as usize;
        if u64::from(*at) + header.record_len() as u64 > len {
            return Ok(false);
        }
        payload.resize(bytes.next_multiple_of(ALIGN), 0);
        file.read_exact(&mut payload)?;
        if crc32c::crc32c(&payload[..bytes]) != header.payload_crc {
            return Ok(false);
        }
        *at += header.record_len() as u32;
    }
    Ok(true)
}

//! The end of the log: the active segment, and the write batch in progress.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::queue::PendingEntry;
use crate::store::files;
use crate::store::log::entry::SegmentId;
use crate::store::log::format::contents::SegmentContents;
use crate::store::log::format::footer::{self, KIND_FOOTER};
use crate::store::log::format::headers::{self, FILE_HEADER_LEN, FileHeader, Place, RecordHeader};
use crate::store::log::format::mark::Mark;
use crate::store::log::format::record::{Control, KIND_ENTRY};
use crate::store::log::memory::file_group::DiskPlace;
use crate::store::log::segments::preallocator::Preallocator;
use crate::store::log::segments::segment::{self, Segment};

/// Size of the buffer at which records are written to the file.
const BUFFER_BYTES: usize = 1 << 20;

/// The end of the active segment.
///
/// Invariant: when the first record of a batch is written, all batches before it are durable. The
/// recovery relies on it to tell a torn tail from damage.
#[derive(Debug)]
pub(crate) struct Tail {
    file: Arc<Segment>,
    /// The file was blank and durable up to its full size, so a write needs no work of the file
    /// system.
    is_preallocated: bool,
    /// Bytes written to the file.
    written: u32,
    buffer: Vec<u8>,
    batch: u64,
    batch_start: u32,
    /// Records of the batch that must become durable: all but the vouching one.
    writes: u64,
    /// The checksum in the last record's header.
    record_crc: u32,
    /// Size of the segment with its first record only; 0 if unknown.
    fresh_len: u32,
}

impl Tail {
    /// Continues a segment whose first `len` bytes are durable. `record_crc` is the checksum in the
    /// header of their last record.
    pub(crate) fn resume(
        file: Arc<Segment>,
        len: u32,
        record_crc: u32,
        batch: u64,
    ) -> io::Result<Self> {
        file.keep_open()?;
        Ok(Self {
            is_preallocated: file.is_longer_than(len)?,
            file,
            written: len,
            buffer: Vec::new(),
            batch,
            batch_start: len,
            writes: 0,
            record_crc,
            fresh_len: 0,
        })
    }

    /// Creates a segment. It is durable on return, with its first record and its name.
    pub(crate) fn create(
        dir: &Path,
        header: FileHeader,
        batch: u64,
        head: &Control,
        preallocator: &mut Preallocator,
    ) -> io::Result<Self> {
        let is_preallocated = preallocator.take(&segment::path(dir, header.segment))?;
        let file = Arc::new(Segment::create(dir, header, is_preallocated)?);
        let mut tail = Self::resume(file, FILE_HEADER_LEN as u32, 0, batch)?;
        // The file's header belongs to the first batch, so a later batch proves that it was
        // durable.
        tail.batch_start = 0;
        tail.control(head)?;
        tail.flush()?;
        tail.file.sync()?;
        files::sync_dir(dir)?;
        tail.next_batch();
        tail.fresh_len = tail.written;
        Ok(tail)
    }

    pub(crate) fn segment(&self) -> SegmentId {
        self.file.id()
    }

    pub(crate) fn file(&self) -> &Arc<Segment> {
        &self.file
    }

    pub(crate) fn batch(&self) -> u64 {
        self.batch
    }

    /// Size of the segment, including the buffered records.
    pub(crate) fn len(&self) -> u32 {
        self.written + self.buffer.len() as u32
    }

    /// Whether the segment contains only its first record.
    pub(crate) fn is_fresh(&self) -> bool {
        self.len() == self.fresh_len
    }

    /// Whether the file was preallocated.
    pub(crate) fn is_preallocated(&self) -> bool {
        self.is_preallocated
    }

    /// Removes the blank bytes behind the last record, once nothing more is written.
    pub(crate) fn trim(&self) -> io::Result<()> {
        match self.is_preallocated {
            true => self.file.trim(self.written),
            false => Ok(()),
        }
    }

    /// Whether the batch contains a record that must become durable.
    pub(crate) fn has_writes(&self) -> bool {
        self.writes > 0
    }

    /// Bytes of the batch so far.
    pub(crate) fn batch_bytes(&self) -> u64 {
        u64::from(self.len() - self.batch_start)
    }

    pub(crate) fn entry(&mut self, entry: &PendingEntry) -> io::Result<DiskPlace> {
        self.record(
            KIND_ENTRY,
            &entry.fields.encode(),
            &entry.payload,
            entry.crc,
        )
    }

    pub(crate) fn control(&mut self, control: &Control) -> io::Result<()> {
        let payload = control.encode();
        self.record(control.kind(), &payload, &[], crc32c::crc32c(&payload))
            .map(|_| ())
    }

    /// Adds the footer, after which nothing is written to the segment unless a crash intervenes.
    pub(crate) fn footer(&mut self, contents: &SegmentContents) -> io::Result<()> {
        let payload = footer::encode(contents, self.len());
        self.record(KIND_FOOTER, &payload, &[], crc32c::crc32c(&payload))
            .map(|_| ())
    }

    /// Writes the buffer to the file.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.file.write_at(self.written, &self.buffer)?;
            self.written += self.buffer.len() as u32;
            self.buffer.clear();
        }
        Ok(())
    }

    /// The mark of everything written, for log number `log`. The caller must have made it durable.
    pub(crate) fn mark(&self, log: u64) -> Mark {
        debug_assert!(self.buffer.is_empty());
        Mark {
            log,
            segment: self.file.id(),
            end: self.written,
            record_crc: self.record_crc,
        }
    }

    /// Begins the next batch. The caller must have made this one durable.
    pub(crate) fn next_batch(&mut self) {
        debug_assert!(self.buffer.is_empty());
        self.batch += 1;
        self.batch_start = self.written;
        self.writes = 0;
        self.buffer.shrink_to(BUFFER_BYTES);
    }

    fn record(
        &mut self,
        kind: u8,
        fields: &[u8],
        body: &[u8],
        payload_crc: u32,
    ) -> io::Result<DiskPlace> {
        let payload_len = fields.len() + body.len();
        let (segment, offset) = (self.file.id(), self.len());
        let header = RecordHeader {
            kind,
            payload_len: payload_len as u32,
            payload_crc,
            batch: self.batch,
            batch_start: self.batch_start,
            has_mark: true,
        };
        let encoded = header.encode(Place { segment, offset });
        self.record_crc = RecordHeader::crc_in(&encoded);
        let len = headers::record_len(payload_len);
        let end = self.buffer.len() + len;
        self.buffer.extend_from_slice(&encoded);
        self.buffer.extend_from_slice(fields);
        self.buffer.extend_from_slice(body);
        self.buffer.resize(end, 0);
        self.writes += u64::from(kind != Control::Vouch.kind());
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        Ok(DiskPlace {
            segment,
            offset,
            len: len as u32,
        })
    }
}

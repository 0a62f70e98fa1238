//! Opens a log directory. It checks everything that it reads first, and changes only a valid log.
//!
//! Of a sealed segment it reads the footer. One without a valid footer is read as a whole, as are
//! the newest one and the one that the mark points into. The newest one's first record says which
//! segments there must be, and how long. Damage to an entry behind a footer is found when the entry
//! is read, as every entry is that a start replays.
//!
//! A torn tail is cut off only where neither a later record nor the mark proves that it was
//! durable. It can only be in the newest segment, because a segment is created once everything
//! before it is durable. The mark also proves what leaves no trace in the segments: the file of the
//! newest segment is missing, or it ends exactly between two records, or is blank from there on.
//! The segment before the newest is never deleted.
//!
//! A log of the build before has no mark; it is read without, and gets one.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::mark_check::MarkCheck;
use super::rebuild::{self, Rebuild};
use super::sealed::{self, Sealed};
use crate::store::files;
use crate::store::log::config::LogConfig;
use crate::store::log::entry::{GroupId, SegmentId};
use crate::store::log::error::{DamageKind, DamageProof, OpenError};
use crate::store::log::format::contents::SegmentContents;
use crate::store::log::format::headers::{FILE_HEADER_LEN, FileHeader, HeaderFault};
use crate::store::log::format::mark::Mark;
use crate::store::log::format::scan::{self, Stop};
use crate::store::log::mark::mark_file::MarkFile;
use crate::store::log::memory::file_group::FileGroup;
use crate::store::log::segments::preallocator::{self, Preallocator};
use crate::store::log::segments::segment::{self, Segment};
use crate::store::log::segments::table::SegmentTable;
use crate::store::log::write::tail::Tail;

/// Lock of the log's directory. The operating system releases it when the process dies.
#[derive(Debug)]
pub(crate) struct DirLock(File);

impl Drop for DirLock {
    fn drop(&mut self) {
        // Closing the file does not suffice: a child process that was just forked may still have it
        // open.
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the log's directory stays locked for now");
        }
    }
}

/// A valid log, ready for writing.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) lock: DirLock,
    pub(crate) log: u64,
    pub(crate) contents: SegmentContents,
    pub(crate) groups: BTreeMap<GroupId, Arc<FileGroup>>,
    pub(crate) table: SegmentTable,
    pub(crate) tail: Tail,
    pub(crate) mark: MarkFile,
}

/// Result of reading the segments.
#[derive(Default)]
struct Reading {
    rebuild: Rebuild,
    mark: MarkCheck,
    log: Option<u64>,
    segments: Vec<(Arc<Segment>, u32)>,
    /// Offset at which the newest segment is torn; 0 if nothing of it is complete.
    torn: Option<u32>,
    /// A damaged footer, which was left out.
    spoilt_footer: Option<(SegmentId, u32)>,
    /// The checksum in the header of the last record.
    record_crc: u32,
    /// Number of the newest batch.
    batch: u64,
}

/// Opens or creates the log. One segment is in memory at a time.
pub(crate) fn recover(config: &LogConfig) -> Result<Recovered, OpenError> {
    config.check()?;
    let dir = &config.dir;
    create_dir(dir).map_err(|source| io_error(dir, source))?;
    let lock = lock(dir)?;
    let present = segment::list(dir).map_err(|source| io_error(dir, source))?;
    let mut reading = Reading {
        mark: MarkCheck::read(dir)?,
        ..Reading::default()
    };
    let mut buffer = Vec::new();
    for (nth, id) in present.iter().enumerate() {
        reading.segment(dir, *id, present.get(nth + 1).copied(), &mut buffer)?;
    }
    drop(buffer);
    reading.mark.finish(dir, present.last().copied())?;
    reading.check_manifest()?;
    let (contents, groups) = std::mem::take(&mut reading.rebuild).finish()?;
    let log = reading.log.or(reading.mark.log());
    let log = log.unwrap_or_else(|| fastrand::u64(..));
    let table = SegmentTable::default();
    let settled = reading.settle(dir, log, contents, &table);
    let (contents, tail, mark) = settled.map_err(|source| io_error(dir, source))?;
    Ok(Recovered {
        lock,
        log,
        contents,
        groups,
        table,
        tail,
        mark,
    })
}

impl Reading {
    fn segment(
        &mut self,
        dir: &Path,
        id: SegmentId,
        next: Option<SegmentId>,
        bytes: &mut Vec<u8>,
    ) -> Result<(), OpenError> {
        let path = segment::path(dir, id);
        let file = Segment::open(dir, id).map_err(|source| io_error(&path, source))?;
        if next.is_some() && !self.mark.is_in(id) {
            let sealed = sealed::read(&file).map_err(|source| io_error(&path, source))?;
            if let Some(sealed) = sealed {
                return self.sealed(file, sealed);
            }
        }
        // Earlier segments were durable before the next one was created.
        let dropped = next.map_or_else(|| file.drop_cache(), |_| Ok(()));
        dropped
            .and_then(|()| file.read_all(bytes))
            .map_err(|source| io_error(&path, source))?;
        let mut contents = SegmentContents::default();
        let len = match self.records(id, bytes, &mut contents)? {
            Ok(len) => match self.mark.proof(id, len) {
                Some(proof) => return Err(damaged(id, len, DamageKind::Missing, proof)),
                None => len,
            },
            Err(Stop::Newer { offset, version }) => {
                return Err(OpenError::Unsupported {
                    segment: id,
                    offset,
                    what: "format version",
                    found: version,
                });
            }
            Err(Stop::Damaged { offset, what }) => {
                let footer_end = next.and_then(|_| scan::footer_end(id, bytes, offset));
                if let Some(end) = footer_end {
                    tracing::warn!(segment = id, offset, "a footer is damaged: it adds nothing");
                    self.spoilt_footer = Some((id, offset));
                    return self.add(file, contents, end);
                }
                let proof = match next {
                    Some(next) => Some(DamageProof::LaterSegment(next)),
                    None => scan::vouched_by(id, bytes, offset).map(DamageProof::LaterBatch),
                };
                let proof = proof.or_else(|| self.mark.proof(id, offset));
                if let Some(proof) = proof {
                    return Err(damaged(id, offset, what, proof));
                }
                self.torn = Some(offset);
                offset
            }
        };
        self.add(file, contents, len)
    }

    fn add(&mut self, file: Segment, contents: SegmentContents, len: u32) -> Result<(), OpenError> {
        // Of a segment whose creation was interrupted nothing is there. The one before it goes on.
        if self.torn != Some(0) {
            self.rebuild.add(file.id(), contents);
        } else if let Some((segment, offset)) = self.spoilt_footer
            && segment + 1 == file.id()
        {
            let proof = DamageProof::LaterSegment(file.id());
            return Err(damaged(segment, offset, DamageKind::Checksum, proof));
        }
        self.segments.push((Arc::new(file), len));
        Ok(())
    }

    /// A segment that is not read, but its footer.
    fn sealed(&mut self, file: Segment, sealed: Sealed) -> Result<(), OpenError> {
        self.header(file.id(), sealed.file_header)?;
        self.mark.expect(sealed.header.has_mark);
        self.batch = self.batch.max(sealed.header.batch);
        self.record_crc = sealed.record_crc;
        self.add(file, sealed.contents, sealed.len)
    }

    /// Checks that a file belongs to this log.
    fn header(&mut self, segment: SegmentId, header: FileHeader) -> Result<(), OpenError> {
        if header.segment != segment || self.log.is_some_and(|log| log != header.log) {
            return Err(OpenError::Foreign { segment });
        }
        self.log = Some(header.log);
        self.mark.of_log(header.log);
        Ok(())
    }

    /// Adds up a segment's records. Returns the offset of its end, or why reading stopped before.
    fn records(
        &mut self,
        segment: SegmentId,
        bytes: &[u8],
        contents: &mut SegmentContents,
    ) -> Result<Result<u32, Stop>, OpenError> {
        match FileHeader::decode(bytes) {
            Ok(header) => self.header(segment, header)?,
            Err(HeaderFault::Newer(version)) => {
                return Ok(Err(Stop::Newer { offset: 0, version }));
            }
            Err(HeaderFault::Damaged) => {
                return Ok(Err(Stop::Damaged {
                    offset: 0,
                    what: DamageKind::FileHeader,
                }));
            }
        }
        let mut offset = FILE_HEADER_LEN as u32;
        loop {
            match scan::record_at(segment, bytes, offset) {
                Ok(Some(record)) => {
                    self.mark.record(segment, &record)?;
                    rebuild::apply(contents, segment, &record)?;
                    self.batch = self.batch.max(record.header.batch);
                    self.record_crc = record.crc;
                    offset = record.end();
                }
                // The segment was being created: even its first record is missing.
                Ok(None) if offset == FILE_HEADER_LEN as u32 => {
                    return Ok(Err(Stop::Damaged {
                        offset: 0,
                        what: DamageKind::CutShort,
                    }));
                }
                Ok(None) => return Ok(Ok(offset)),
                Err(Stop::Damaged { offset: at, what }) if at == FILE_HEADER_LEN as u32 => {
                    return Ok(Err(Stop::Damaged { offset: 0, what }));
                }
                Err(stop) => return Ok(Err(stop)),
            }
        }
    }

    /// Checks that each segment that was not retired is present, with the length that it had when
    /// the next one was begun. The segment before the newest is never retired.
    fn check_manifest(&self) -> Result<(), OpenError> {
        let present: BTreeMap<_, _> = self
            .segments
            .iter()
            .map(|(file, len)| (file.id(), *len))
            .collect();
        let newest = present.last_key_value().map_or(0, |(newest, _)| *newest);
        let before_newest = newest.saturating_sub(1);
        if before_newest > 0 && !present.contains_key(&before_newest) {
            return Err(OpenError::MissingSegment {
                segment: before_newest,
            });
        }
        for (segment, len) in &self.rebuild.newest().ledger.segments {
            let segment = *segment;
            let Some(found) = present.get(&segment) else {
                return Err(OpenError::MissingSegment { segment });
            };
            if len.is_some_and(|len| len != *found) {
                // Cut between two records, which the file itself can't show.
                let (what, proof) = (DamageKind::CutShort, DamageProof::LaterSegment(newest));
                return Err(damaged(segment, *found, what, proof));
            }
        }
        Ok(())
    }

    /// Cuts off the torn tail, deletes retired segments, makes everything that was read durable,
    /// and marks its end.
    fn settle(
        mut self,
        dir: &Path,
        log: u64,
        mut contents: SegmentContents,
        table: &SegmentTable,
    ) -> io::Result<(SegmentContents, Tail, MarkFile)> {
        let next_batch = self.batch + 1;
        if self.torn == Some(0)
            && let Some((file, _)) = self.segments.pop()
        {
            tracing::warn!(
                segment = file.id(),
                "a crash interrupted the creation of this segment: deleted"
            );
            segment::delete(dir, &[file.id()])?;
            self.torn = None;
        }
        let (retired, kept): (Vec<_>, Vec<_>) = self
            .segments
            .into_iter()
            .partition(|(file, _)| !contents.ledger.segments.contains_key(&file.id()));
        segment::delete(
            dir,
            &retired
                .iter()
                .map(|(file, _)| file.id())
                .collect::<Vec<_>>(),
        )?;
        preallocator::discard(dir)?;
        files::sync_dir(dir)?;
        for (file, len) in &kept {
            table.insert(Arc::clone(file), u64::from(*len));
        }
        let Some((file, len)) = kept.into_iter().next_back() else {
            let header = FileHeader { segment: 1, log };
            contents.ledger.segments.insert(header.segment, None);
            // Before the first record, which says that there is a mark.
            MarkFile::open(dir, Mark::of_nothing(log))?;
            let none = &mut Preallocator::new(dir, 0);
            let tail = Tail::create(dir, header, next_batch, &contents.ledger.head(), none)?;
            table.insert(Arc::clone(tail.file()), u64::from(tail.len()));
            let mark = MarkFile::open(dir, tail.mark(log))?;
            return Ok((contents, tail, mark));
        };
        if self.torn.is_some() {
            tracing::warn!(
                segment = file.id(),
                len,
                "a crash tore the last write, which was not durable: cut"
            );
            file.cut(len)?;
        }
        // Bytes written by a killed process may be readable, but not durable yet.
        file.sync()?;
        let tail = Tail::resume(file, len, self.record_crc, next_batch)?;
        let mark = MarkFile::open(dir, tail.mark(log))?;
        Ok((contents, tail, mark))
    }
}

/// Creates the log's directory if it is missing, and makes its name durable. Directories above it
/// are the caller's.
fn create_dir(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => files::sync_dir(parent),
        _ => files::sync_dir(Path::new(".")),
    }
}

fn lock(dir: &Path) -> Result<DirLock, OpenError> {
    let path = dir.join("LOCK");
    let file = File::create(&path).map_err(|source| io_error(&path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(DirLock(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked {
            dir: dir.to_path_buf(),
        }),
        Err(TryLockError::Error(source)) => Err(io_error(&path, source)),
    }
}

fn damaged(segment: SegmentId, offset: u32, what: DamageKind, proof: DamageProof) -> OpenError {
    OpenError::Damaged {
        segment,
        offset,
        what,
        proof,
    }
}

fn io_error(path: &Path, source: io::Error) -> OpenError {
    OpenError::Io {
        path: path.to_path_buf(),
        source,
    }
}

//! The files of a log, read and damaged without help of the engine.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A segment's file.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
}

/// A record, as parsed by the test itself.
pub struct Record {
    pub offset: usize,
    pub end: usize,
    kind: u8,
    batch: u64,
}

impl File {
    pub fn segment(&self) -> u64 {
        let name = self
            .path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .expect("a segment's name");
        u64::from_str_radix(name, 16).expect("a segment's number")
    }

    pub fn resize(&mut self, len: usize) {
        self.bytes.truncate(len);
        self.save();
    }

    pub fn save(&self) {
        fs::write(&self.path, &self.bytes).expect("the segment can be written");
    }

    /// Offset of the end of the last record. Behind it, a preallocated file is blank.
    pub fn end(&self) -> usize {
        self.records().last().map_or(32, |last| last.end)
    }

    /// Whether the file was preallocated and is not full.
    pub fn is_prepared(&self) -> bool {
        self.end() < self.bytes.len()
    }

    /// Loses everything behind `len`, as in a crash or on a bad disk. In a preallocated file the
    /// lost bytes are blank.
    pub fn lose_from(&mut self, len: usize) {
        if self.is_prepared() {
            self.bytes[len..].fill(0);
            self.save();
        } else {
            self.resize(len);
        }
    }

    /// Begin and end of the last write batch, as if the process had died before it was durable: so
    /// without the record that proves its durability. Empty if segments were deleted after the
    /// batch, which proves that it was durable.
    pub fn last_batch(&self) -> (usize, usize) {
        const RETIRED: u8 = 8;
        const VOUCH: u8 = 9;
        let mut records = self.records();
        let vouch = records.pop_if(|record| record.kind == VOUCH);
        let last = records.last().map_or(32, |last| last.end);
        let end = vouch.map_or(last, |vouch| vouch.offset);
        let last = records.last().map_or(0, |record| record.batch);
        records.retain(|record| record.batch == last);
        if records.iter().any(|record| record.kind == RETIRED) {
            return (end, end);
        }
        // The file's header belongs to the first batch.
        let start = records.first().map_or(0, |record| record.offset);
        (if start <= 32 { 0 } else { start }, end)
    }

    /// Begin and end of the footer, if that is the last record.
    pub fn footer(&self) -> Option<(usize, usize)> {
        const FOOTER: u8 = 11;
        let last = self.records().pop()?;
        (last.kind == FOOTER).then_some((last.offset, last.end))
    }

    /// Begin of the last write batch, and the checksum in the header of the record before it.
    pub fn before_last_batch(&self) -> (usize, u32) {
        let records = self.records();
        let last = records.last().map_or(0, |record| record.batch);
        let mut before = records.iter().filter(|record| record.batch < last);
        let before = before.next_back().expect("several batches");
        let crc = self.bytes[before.offset + 28..][..4].try_into();
        (before.end, u32::from_le_bytes(crc.expect("4 bytes")))
    }

    /// Makes the records from an offset on those of the build before, which do not say that there
    /// is a mark.
    pub fn by_the_build_before(&mut self, from: usize) {
        const FLAGS: usize = 6;
        const CRC: usize = 28;
        let segment = self.segment().to_le_bytes();
        let records = self.records();
        for record in records.iter().filter(|record| record.offset >= from) {
            let place = (record.offset as u32).to_le_bytes();
            let header = &mut self.bytes[record.offset..][..32];
            header[FLAGS] = 0;
            let crc = crc32c::crc32c(&header[..CRC]);
            let crc = crc32c::crc32c_append(crc32c::crc32c_append(crc, &segment), &place);
            header[CRC..].copy_from_slice(&crc.to_le_bytes());
        }
        self.save();
    }

    /// All records of a file that ends with a complete one; blank bytes are skipped.
    pub fn records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        let mut offset = 32;
        while let Some(header) = self.bytes.get(offset..offset + 32)
            && header.iter().any(|byte| *byte != 0)
        {
            let len = u32::from_le_bytes(header[8..12].try_into().expect("4 bytes")) as usize;
            let batch = u64::from_le_bytes(header[16..24].try_into().expect("8 bytes"));
            let end = offset + 32 + len.next_multiple_of(8);
            records.push(Record {
                offset,
                end,
                kind: header[5],
                batch,
            });
            offset = end;
        }
        records
    }
}

/// In memory if possible: these tests examine the bytes that are written, not the disk.
pub fn scratch_dir() -> TempDir {
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    dir.expect("a temporary directory")
}

/// Oldest first. A file that is deleted meanwhile is skipped.
pub fn segments_in(dir: &Path) -> Vec<File> {
    let entries = fs::read_dir(dir).expect("the directory can be listed");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "segment")
    });
    paths.sort();
    let files = paths.into_iter().filter_map(|path| match fs::read(&path) {
        Ok(bytes) => Some(File { path, bytes }),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("{}: {error}", path.display()),
    });
    files.collect()
}

/// The content of the log's mark, if it has one.
pub fn mark_in(dir: &Path) -> Option<Vec<u8>> {
    fs::read(dir.join("mark")).ok()
}

pub fn set_mark(dir: &Path, mark: &[u8]) {
    fs::write(dir.join("mark"), mark).expect("the mark can be written");
}

/// Moves the mark of a log to another place, that of a record with this checksum.
pub fn move_mark(dir: &Path, segment: u64, end: usize, record_crc: u32) {
    let mut mark = mark_in(dir).expect("a mark")[..4096].to_vec();
    mark[24..32].copy_from_slice(&segment.to_le_bytes());
    mark[32..36].copy_from_slice(&(end as u32).to_le_bytes());
    mark[36..40].copy_from_slice(&record_crc.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&mark[0..12]), &mark[16..40]);
    mark[12..16].copy_from_slice(&crc.to_le_bytes());
    set_mark(dir, &mark.repeat(3));
}

pub fn lose_mark(dir: &Path) {
    fs::remove_file(dir.join("mark")).expect("a mark to lose");
}

/// Copies an open log with an idle writer.
pub fn copy_of(dir: &Path) -> TempDir {
    let copy = scratch_dir();
    if let Some(mark) = mark_in(dir) {
        set_mark(copy.path(), &mark);
    }
    for file in segments_in(dir) {
        let name = file.path.file_name().expect("a segment's name");
        fs::write(copy.path().join(name), file.bytes).expect("the segment can be copied");
    }
    copy
}

//! A segment file on disk: create, open, read, write, delete.
//!
//! Must not know: the content, except the file's header.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use rustix::fs::Advice;

use crate::store::log::entry::SegmentId;
use crate::store::log::format::headers::FileHeader;
use crate::store::{files, want};

const EXTENSION: &str = "segment";

/// A segment file. Only the one that is written is kept open: a log may have more segments than the
/// process has handles.
#[derive(Debug)]
pub(crate) struct Segment {
    id: SegmentId,
    path: PathBuf,
    kept: RwLock<Option<Arc<File>>>,
}

impl Segment {
    /// Writes the file's header, into a preallocated file if there is one, otherwise into a new
    /// file. Not durable yet. Kept open.
    pub(crate) fn create(
        dir: &Path,
        header: FileHeader,
        is_preallocated: bool,
    ) -> io::Result<Self> {
        let path = path(dir, header.segment);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(!is_preallocated);
        let file = want::patiently("the log", || options.open(&path))?;
        file.write_all_at(&header.encode(), 0)?;
        Ok(Self {
            id: header.segment,
            path,
            kept: RwLock::new(Some(Arc::new(file))),
        })
    }

    /// A segment that is there. Opened for each operation, until [`Self::keep_open`].
    pub(crate) fn open(dir: &Path, id: SegmentId) -> io::Result<Self> {
        let segment = Self {
            id,
            path: path(dir, id),
            kept: RwLock::default(),
        };
        segment.file()?;
        Ok(segment)
    }

    pub(crate) fn id(&self) -> SegmentId {
        self.id
    }

    /// The open file. It stays readable after the segment's deletion.
    pub(crate) fn file(&self) -> io::Result<Arc<File>> {
        if let Some(file) = &*self.kept.read() {
            return Ok(Arc::clone(file));
        }
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .open(&self.path)
            .map(Arc::new)
    }

    /// Keeps the file open until [`Self::release`].
    pub(crate) fn keep_open(&self) -> io::Result<()> {
        let file = want::patiently("the log", || self.file())?;
        *self.kept.write() = Some(file);
        Ok(())
    }

    /// Closes the file once its readers are done.
    pub(crate) fn release(&self) {
        *self.kept.write() = None;
    }

    /// Makes the content of the page cache durable and drops it, so that the next read is of the
    /// disk. After a failed fdatasync the cache has pages that count as written but are not.
    pub(crate) fn drop_cache(&self) -> io::Result<()> {
        let file = self.file()?;
        file.sync_data()?;
        Ok(rustix::fs::fadvise(file, 0, None, Advice::DontNeed)?)
    }

    pub(crate) fn read_all(&self, into: &mut Vec<u8>) -> io::Result<()> {
        let file = self.file()?;
        let len = file.metadata()?.len();
        into.clear();
        into.resize(usize::try_from(len).map_err(io::Error::other)?, 0);
        file.read_exact_at(into, 0)
    }

    pub(crate) fn write_at(&self, offset: u32, bytes: &[u8]) -> io::Result<()> {
        self.file()?.write_all_at(bytes, u64::from(offset))
    }

    /// Whether the file is longer than `len`: it was preallocated, and is blank from there on.
    pub(crate) fn is_longer_than(&self, len: u32) -> io::Result<bool> {
        Ok(self.file()?.metadata()?.len() > u64::from(len))
    }

    /// Makes all writes durable, and the file's length.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file()?.sync_data()
    }

    /// Removes the blank bytes behind `len`. After a crash they may be there again.
    pub(crate) fn trim(&self, len: u32) -> io::Result<()> {
        self.file()?.set_len(u64::from(len))
    }

    /// Cuts the file to `len` bytes, durably.
    pub(crate) fn cut(&self, len: u32) -> io::Result<()> {
        let file = self.file()?;
        file.set_len(u64::from(len))?;
        file.sync_all()
    }
}

/// The bytes of a segment's open file.
pub(crate) fn read_at(file: &File, offset: u32, len: u32) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len as usize];
    file.read_exact_at(&mut bytes, u64::from(offset))?;
    Ok(bytes)
}

/// Path of a segment's file.
pub(crate) fn path(dir: &Path, id: SegmentId) -> PathBuf {
    dir.join(format!("{id:016x}.{EXTENSION}"))
}

/// The segments in a directory, oldest first. Other files are ignored.
pub(crate) fn list(dir: &Path) -> io::Result<Vec<SegmentId>> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = PathBuf::from(entry?.file_name());
        let stem = name
            .file_stem()
            .and_then(|stem| stem.to_str())
            .filter(|stem| stem.len() == 16);
        if name
            .extension()
            .is_some_and(|extension| extension == EXTENSION)
            && let Some(id) = stem.and_then(|stem| SegmentId::from_str_radix(stem, 16).ok())
        {
            ids.push(id);
        }
    }
    ids.sort_unstable();
    Ok(ids)
}

/// Deletes segments' files; a missing file is no error. After a crash they may be there again.
pub(crate) fn delete(dir: &Path, ids: &[SegmentId]) -> io::Result<()> {
    ids.iter()
        .try_for_each(|id| files::if_exists(fs::remove_file(path(dir, *id))).map(drop))
}

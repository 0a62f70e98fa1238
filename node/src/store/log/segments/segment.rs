//! A segment file on disk: create, open, read, write, delete.
//!
//! Must not know: the content, except the file's header.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::store::files;
use crate::store::log::entry::SegmentId;
use crate::store::log::format::headers::FileHeader;

const EXTENSION: &str = "segment";

/// An open segment file. It stays readable after its deletion.
#[derive(Debug)]
pub(crate) struct Segment {
    id: SegmentId,
    file: File,
}

impl Segment {
    /// Writes the file's header, into a preallocated file if there is one, otherwise into a new
    /// file. Not durable yet.
    pub(crate) fn create(
        dir: &Path,
        header: FileHeader,
        is_preallocated: bool,
    ) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(!is_preallocated)
            .open(path(dir, header.segment))?;
        file.write_all_at(&header.encode(), 0)?;
        Ok(Self {
            id: header.segment,
            file,
        })
    }

    pub(crate) fn open(dir: &Path, id: SegmentId) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path(dir, id))?;
        Ok(Self { id, file })
    }

    pub(crate) fn id(&self) -> SegmentId {
        self.id
    }

    pub(crate) fn read_all(&self, into: &mut Vec<u8>) -> io::Result<()> {
        let len = self.file.metadata()?.len();
        into.clear();
        into.resize(usize::try_from(len).map_err(io::Error::other)?, 0);
        self.file.read_exact_at(into, 0)
    }

    pub(crate) fn read_at(&self, offset: u32, len: u32) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; len as usize];
        self.file.read_exact_at(&mut bytes, u64::from(offset))?;
        Ok(bytes)
    }

    pub(crate) fn write_at(&self, offset: u32, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, u64::from(offset))
    }

    /// Whether the file is longer than `len`: it was preallocated, and is blank from there on.
    pub(crate) fn is_longer_than(&self, len: u32) -> io::Result<bool> {
        Ok(self.file.metadata()?.len() > u64::from(len))
    }

    /// Makes all writes durable, and the file's length.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Removes the blank bytes behind `len`. After a crash they may be there again.
    pub(crate) fn trim(&self, len: u32) -> io::Result<()> {
        self.file.set_len(u64::from(len))
    }

    /// Cuts the file to `len` bytes, durably.
    pub(crate) fn cut(&self, len: u32) -> io::Result<()> {
        self.file.set_len(u64::from(len))?;
        self.file.sync_all()
    }
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

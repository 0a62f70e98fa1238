//! A base that is received from elsewhere, in a folder of its own until it is installed.
//!
//! ```text
//! <dir>/incoming/shard-NNNN.<attempt>/   files in their order: 00.base, 01.base, …
//!                                        once verified: as they are named among the bases
//!   tree                                 which tree is built of them; there once they are verified
//! ```

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::mem;
use std::path::{Path, PathBuf};

use super::base_dir::BASE_SUFFIX;
use super::base_error::BaseError;
use super::base_info::{BaseFile, BaseInfo, FILES_MAX};
use super::uncached_file::UncachedFile;
use crate::store::group_id::GroupId;
use crate::store::{files, want};

/// File with the number of the tree that is built of a verified base.
pub(super) const TREE_MARK: &str = "tree";
/// Bytes of a piece that is copied.
const COPIED_AT_ONCE: usize = 256 * 1024;

/// Receives the files of a base, in their order: the whole state, then the changes.
///
/// The files are those of a [`BaseInfo`](super::BaseInfo), byte by byte. Nothing is believed before
/// the install has verified it. Dropped without an install, it removes what it has received.
pub struct IncomingBase {
    pub(crate) group: GroupId,
    pub(crate) dir: PathBuf,
    bytes_max: u64,
    bytes: u64,
    files: Vec<BaseFile>,
    present: Option<UncachedFile>,
    is_kept: bool,
}

impl IncomingBase {
    pub(crate) fn create(
        incoming: &Path,
        (group, attempt): (GroupId, u64),
        bytes_max: u64,
    ) -> Result<Self, BaseError> {
        let dir = incoming.join(format!("shard-{group:04}.{attempt}"));
        fs::create_dir_all(&dir)?;
        // The folder must not be lost once a pointer relies on it.
        files::sync_dir(incoming)?;
        files::sync_dir(incoming.parent().unwrap_or(incoming))?;
        Ok(Self {
            group,
            dir,
            bytes_max,
            bytes: 0,
            files: Vec::new(),
            present: None,
            is_kept: false,
        })
    }

    /// Begins the next file, and makes the one before it durable.
    ///
    /// # Errors
    /// When there are more files than a base may have, or the disk fails.
    pub fn begin_file(&mut self) -> Result<(), BaseError> {
        self.finish_file()?;
        if self.files.len() == FILES_MAX {
            return Err(BaseError::Malformed("it has too many files"));
        }
        let path = self
            .dir
            .join(format!("{:02}{BASE_SUFFIX}", self.files.len()));
        self.present = Some(UncachedFile::create(&path)?);
        self.files.push(BaseFile { path, bytes: 0 });
        Ok(())
    }

    /// Adds bytes to the file that was begun last.
    ///
    /// # Errors
    /// When they are more than were announced, no file was begun, or the disk fails.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), BaseError> {
        let (Some(present), Some(file)) = (&mut self.present, self.files.last_mut()) else {
            return Err(BaseError::Malformed(
                "there are bytes before its first file",
            ));
        };
        self.bytes += bytes.len() as u64;
        if self.bytes > self.bytes_max {
            let bytes_max = self.bytes_max;
            return Err(BaseError::TooLong { bytes_max });
        }
        present.write_all(bytes)?;
        file.bytes += bytes.len() as u64;
        Ok(())
    }

    pub(crate) fn copy(&mut self, base: &BaseInfo) -> Result<(), BaseError> {
        let mut piece = vec![0; COPIED_AT_ONCE];
        for file in &base.files {
            let mut copied = want::patiently("a base", || File::open(&file.path))?;
            self.begin_file()?;
            loop {
                match copied.read(&mut piece)? {
                    0 => break,
                    bytes => self.write(&piece[..bytes])?,
                }
            }
        }
        Ok(())
    }

    /// Ends the last file. Returns all of them.
    pub(crate) fn finish(&mut self) -> Result<Vec<BaseFile>, BaseError> {
        self.finish_file()?;
        Ok(mem::take(&mut self.files))
    }

    /// Keeps the received files. Returns their folder.
    pub(crate) fn keep(mut self) -> PathBuf {
        self.is_kept = true;
        self.dir.clone()
    }

    fn finish_file(&mut self) -> io::Result<()> {
        self.present.take().map_or(Ok(()), UncachedFile::finish)
    }
}

impl Drop for IncomingBase {
    fn drop(&mut self) {
        if !self.is_kept {
            // If this fails, the next start removes it.
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// The folders of bases that a group received.
pub(crate) fn received(incoming: &Path, group: GroupId) -> io::Result<Vec<PathBuf>> {
    let prefix = format!("shard-{group:04}.");
    let mut names = files::names_in(incoming)?;
    names.retain(|name| name.starts_with(&prefix));
    Ok(names.into_iter().map(|name| incoming.join(name)).collect())
}

/// Which tree was built of the base in a folder; `None` unless the base is verified.
pub(crate) fn tree_built_of(dir: &Path) -> io::Result<Option<u32>> {
    let mark = files::read_file(&dir.join(TREE_MARK))?;
    Ok(mark.and_then(|mark| String::from_utf8(mark).ok()?.parse().ok()))
}

/// Marks the base in a folder as verified, and which tree is built of it.
pub(crate) fn mark_tree(dir: &Path, generation: u32) -> io::Result<()> {
    files::write_file(&dir.join(TREE_MARK), generation.to_string().as_bytes())
}

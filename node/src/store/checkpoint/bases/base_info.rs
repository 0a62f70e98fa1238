//! A base on disk.

use std::path::PathBuf;

use super::format::BaseHeader;
use crate::store::checkpoint::{digest::Digest, position::Position};
use crate::store::group_id::GroupId;

/// Most files of a base. All of them are open while the base is read.
pub(super) const FILES_MAX: usize = 16;
/// Eight consecutive groups have different limits of files, so that not all of them write their
/// whole state at the same time.
const STAGGERED: u16 = 8;

/// A base on disk: a file with a whole state, and files with later changes, each continuing the
/// file before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseInfo {
    /// The log position of its state.
    pub position: Position,
    /// Count and hash of the records of the state.
    pub digest: Digest,
    /// Total length of its files.
    pub bytes: u64,
    /// Its files in order; not empty. Two bases never share a file.
    pub files: Vec<BaseFile>,
}

/// One file of a base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseFile {
    /// The file.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
}

impl BaseInfo {
    /// A base of one file, with the whole state.
    pub(super) fn of(header: &BaseHeader, file: BaseFile) -> Self {
        Self {
            position: header.position,
            digest: header.digest,
            bytes: file.bytes,
            files: vec![file],
        }
    }

    /// Adds a file with later changes.
    pub(super) fn extend(&mut self, header: &BaseHeader, file: BaseFile) {
        self.position = header.position;
        self.digest = header.digest;
        self.bytes += file.bytes;
        self.files.push(file);
    }

    /// Whether `other` is the same base, which may have been extended in between.
    pub(super) fn is_of_same_files(&self, other: &Self) -> bool {
        self.files.first() == other.files.first()
    }

    /// Whether the base may be extended by another file of changes. It may not once the changes are
    /// as long as the whole state, or the files too many; then the whole state is written again.
    pub(crate) fn may_extend(&self, group: GroupId) -> bool {
        let whole = self.files.first().map_or(0, |file| file.bytes);
        let files_max = FILES_MAX - usize::from(group % STAGGERED);
        self.files.len() < files_max && self.bytes < 2 * whole
    }
}

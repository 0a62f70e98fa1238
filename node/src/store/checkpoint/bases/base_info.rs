//! A base as it lies on disk.

use std::path::PathBuf;

use super::format::BaseHeader;
use crate::store::checkpoint::{digest::Digest, position::Position};
use crate::store::group_id::GroupId;

/// Files of a base, at most: what is open while it is read.
const FILES_MAX: usize = 16;
/// Bases of so many groups in turn are of that many files, of one less, and so on: so that not all are written anew at the same time.
const STAGGERED: u16 = 8;

/// A base on disk: a file with the whole state, and files with what changed since, each going on from the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseInfo {
    /// The log position of the state in it.
    pub position: Position,
    /// Count and hash of the records of the state.
    pub digest: Digest,
    /// Length of all files.
    pub bytes: u64,
    /// Its files, in order; not empty. No two bases have one in common.
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

    /// Adds a file with what changed since.
    pub(super) fn extend(&mut self, header: &BaseHeader, file: BaseFile) {
        self.position = header.position;
        self.digest = header.digest;
        self.bytes += file.bytes;
        self.files.push(file);
    }

    /// Whether it is the same one, which may have gone on in between.
    pub(super) fn is_of_same_files(&self, other: &Self) -> bool {
        self.files.first() == other.files.first()
    }

    /// Whether it may go on by one more file with changes, as the base of a group. Once those are as long as the whole state, or there are
    /// too many, that is written anew.
    pub(in crate::store::checkpoint) fn may_extend(&self, group: GroupId) -> bool {
        let whole = self.files.first().map_or(0, |file| file.bytes);
        let files_max = FILES_MAX - usize::from(group % STAGGERED);
        self.files.len() < files_max && self.bytes < 2 * whole
    }
}

//! Errors of the log, one enum per operation.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::entry::{GroupId, SegmentId};
use crate::store::want;

/// The log refused a write. Nothing of the write was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteRefused {
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
    /// An earlier write or fsync failed. The content of the disk is unknown, and the process must
    /// stop.
    #[error("the log has failed and takes no more writes")]
    Failed,
    /// The group was removed by another caller.
    #[error("the group was removed from the log")]
    Removed,
}

/// The log refused an append. Nothing of it was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The log takes no writes.
    #[error(transparent)]
    Refused(#[from] WriteRefused),
    /// The entries do not follow the group's last entry, or each other.
    #[error("entry {found} of group {group} does not follow on the log, which expects {expected}")]
    Gap {
        /// The group appended to.
        group: GroupId,
        /// The next index of the log.
        expected: u64,
        /// The index of the refused entry.
        found: u64,
    },
    /// A payload is larger than [`PAYLOAD_BYTES_MAX`](super::PAYLOAD_BYTES_MAX).
    #[error("entry {index} of group {group} has {bytes} bytes, the log takes at most {max}")]
    TooLarge {
        /// The group appended to.
        group: GroupId,
        /// The entry's index.
        index: u64,
        /// Its payload's size in bytes.
        bytes: u64,
        /// The largest size in bytes.
        max: u64,
    },
}

/// Entries could not be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// The bytes on disk are not those that were written. Nothing of the entry is returned.
    #[error(
        "segment {segment} is damaged at byte {offset}: entry {index} of group {group} can't be read"
    )]
    Damaged {
        /// The group read.
        group: GroupId,
        /// The entry's index.
        index: u64,
        /// The segment file.
        segment: SegmentId,
        /// Where its record begins in the file.
        offset: u32,
    },
    /// The disk returned an error.
    #[error("segment {segment} can't be read: {source}")]
    Io {
        /// The segment file.
        segment: SegmentId,
        /// The disk's error.
        source: Arc<io::Error>,
    },
}

impl ReadError {
    /// Whether the read failed for want of handles or memory, and is to be repeated.
    pub(super) fn is_want(&self) -> bool {
        matches!(self, Self::Io { source, .. } if want::is_want(source))
    }
}

/// A segment of an open log could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A record is not the one that was written. Whether anything needs it is not known.
    #[error("segment {segment} ({segment:016x}.segment) is damaged at byte {offset}")]
    Damaged {
        /// The segment file.
        segment: SegmentId,
        /// Where the record begins in the file.
        offset: u32,
    },
    /// The disk returned an error, or the reading was given up.
    #[error("segment {segment} can't be verified: {source}")]
    Io {
        /// The segment file.
        segment: SegmentId,
        /// The error.
        source: io::Error,
    },
}

/// A log directory could not be opened. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A setting is out of bounds.
    #[error("the log's setting {setting} is out of bounds: {found} is not within {min} to {max}")]
    Config {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        found: u64,
        /// Smallest value allowed.
        min: u64,
        /// Largest value allowed.
        max: u64,
    },
    /// The disk returned an error.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The disk's error.
        source: io::Error,
    },
    /// Another process has the directory open.
    #[error("{dir} is in use by another process")]
    Locked {
        /// The log's directory.
        dir: PathBuf,
    },
    /// Bytes that were durable are damaged.
    #[error(
        "segment {segment} ({segment:016x}.segment) is damaged at byte {offset}: {what}; {proof}, so it was durable and is not cut off"
    )]
    Damaged {
        /// The segment file.
        segment: SegmentId,
        /// Where the damage begins in the file.
        offset: u32,
        /// What is wrong at that place.
        what: DamageKind,
        /// Evidence that the bytes were durable.
        proof: DamageProof,
    },
    /// A segment that is still needed is missing.
    #[error("segment {segment} ({segment:016x}.segment) is missing")]
    MissingSegment {
        /// The missing segment.
        segment: SegmentId,
    },
    /// The mark, which says how far the log is durable, is lost, so acknowledged writes at the end
    /// may be lost too. The file `accept` makes the next open take the log as it ends.
    #[error(
        "the mark {path} {fault}, so nothing says whether acknowledged writes are lost at the log's end: put it back, or create the empty file {accept} to take the log as it ends"
    )]
    Mark {
        /// The mark's file.
        path: PathBuf,
        /// What is wrong with it.
        fault: MarkFault,
        /// The file by which an operator accepts this.
        accept: PathBuf,
    },
    /// A newer build wrote the mark.
    #[error("the mark {path} needs a newer build: format version {found} is unknown")]
    NewerMark {
        /// The mark's file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// Some of a group's entries are missing.
    #[error("entry {index} of group {group} is missing")]
    MissingEntry {
        /// The group.
        group: GroupId,
        /// The first missing index.
        index: u64,
    },
    /// Written by a newer build, or by another program.
    #[error("segment {segment} at byte {offset} needs a newer build: {what} {found} is unknown")]
    Unsupported {
        /// The segment file.
        segment: SegmentId,
        /// Where the unknown value is.
        offset: u32,
        /// What is newer: a format version or a record kind.
        what: &'static str,
        /// Its number.
        found: u32,
    },
    /// The directory contains a file of another log, or a file whose name gives a wrong number.
    #[error("segment {segment} does not belong to this log")]
    Foreign {
        /// The number the file's name gives.
        segment: SegmentId,
    },
    /// A record with a valid checksum contradicts the records before it. This is a bug: please
    /// report it.
    #[error("segment {segment} at byte {offset} contradicts what comes before it")]
    Contradiction {
        /// The segment file.
        segment: SegmentId,
        /// Where the record begins.
        offset: u32,
    },
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DamageKind {
    /// The file's own header is not readable.
    #[error("the file's header is not readable")]
    FileHeader,
    /// There is no valid record header.
    #[error("there is no valid record header")]
    RecordHeader,
    /// The record goes on past the end of the file.
    #[error("the record goes on past the end of the file")]
    CutShort,
    /// Records that were there are missing, from the end of another record on.
    #[error("the records from there on are missing")]
    Missing,
    /// There is a valid record, but not the one that was written last.
    #[error("the record is not the one that was written there")]
    OtherRecord,
    /// The payload's checksum does not hold.
    #[error("the record's checksum does not hold")]
    Checksum,
}

/// Evidence that damage is not a torn tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DamageProof {
    /// The same file contains a record of a later write batch behind the damage.
    #[error("a later write batch begins at byte {0}")]
    LaterBatch(u32),
    /// There is a later segment; a segment is created only once everything before it is durable.
    #[error("segment {0} was begun after it")]
    LaterSegment(SegmentId),
    /// The mark, a file outside the segments, vouches for all records up to this offset.
    #[error("the log's mark vouches for all records up to byte {0}")]
    Mark(u32),
}

/// What is wrong with the log's mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarkFault {
    /// The records say that there is one, but there is no file.
    #[error("is missing")]
    Missing,
    /// No part of the file has a valid checksum.
    #[error("is damaged")]
    Damaged,
    /// It belongs to another log.
    #[error("is of another log")]
    Foreign,
}

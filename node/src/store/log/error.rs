//! What can go wrong, one enum per operation.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::entry::{GroupId, SegmentId};

/// Why the log takes no write. Nothing of the refused write was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteRefused {
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
    /// An earlier write or fsync failed: what is on disk is no longer known, and the process must
    /// stop.
    #[error("the log has failed and takes no more writes")]
    Failed,
    /// The group was removed by another caller.
    #[error("the group was removed from the log")]
    Removed,
}

/// Why an append was refused. Nothing of it was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The log takes no writes.
    #[error(transparent)]
    Refused(#[from] WriteRefused),
    /// The entries don't follow on what the group holds, or on each other.
    #[error("entry {found} of group {group} does not follow on the log, which expects {expected}")]
    Gap {
        /// The group appended to.
        group: GroupId,
        /// The index that must come next.
        expected: u64,
        /// The index that came.
        found: u64,
    },
    /// One payload is over [`PAYLOAD_BYTES_MAX`](super::PAYLOAD_BYTES_MAX).
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

/// Why entries could not be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// What is on disk is not what was written. It is reported, never served.
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
    /// The disk answered with an error.
    #[error("segment {segment} can't be read: {source}")]
    Io {
        /// The segment file.
        segment: SegmentId,
        /// The disk's error.
        source: Arc<io::Error>,
    },
}

/// Why a log directory could not be opened. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The configuration is out of its bounds.
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
    /// The disk answered with an error.
    #[error("{path}: {source}")]
    Io {
        /// What was touched.
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
    /// Something that was durable is damaged.
    #[error(
        "segment {segment} is damaged at byte {offset}: {what}; {proof}, so it was durable and is not cut off"
    )]
    Damaged {
        /// The segment file.
        segment: SegmentId,
        /// Where the damage begins in the file.
        offset: u32,
        /// What is wrong there.
        what: DamageKind,
        /// Why it must have been durable.
        proof: DamageProof,
    },
    /// A segment that is still needed is not there.
    #[error("segment {segment} is missing")]
    MissingSegment {
        /// The segment that should be there.
        segment: SegmentId,
    },
    /// A group's entries have a hole.
    #[error("entry {index} of group {group} is missing")]
    MissingEntry {
        /// The group with the hole.
        group: GroupId,
        /// The first index missing.
        index: u64,
    },
    /// Written by a newer build, or by none of ours.
    #[error("segment {segment} at byte {offset} needs a newer build: {what} {found} is unknown")]
    Unsupported {
        /// The segment file.
        segment: SegmentId,
        /// Where it is written.
        offset: u32,
        /// What is newer: a format version or a record kind.
        what: &'static str,
        /// Its number.
        found: u32,
    },
    /// A file that belongs to another log, or to another number, lies in the directory.
    #[error("segment {segment} does not belong to this log")]
    Foreign {
        /// The number the file's name gives.
        segment: SegmentId,
    },
    /// A record whose checksum holds says what can't be. A fault of ours: please report it.
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
    /// The payload's checksum does not hold.
    #[error("the record's checksum does not hold")]
    Checksum,
}

/// Why damage is no torn tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DamageProof {
    /// A record of a later write batch stands behind it in the same file.
    #[error("a later write batch begins at byte {0}")]
    LaterBatch(u32),
    /// A later segment exists, and one is only created once all before it is durable.
    #[error("segment {0} was begun after it")]
    LaterSegment(SegmentId),
}

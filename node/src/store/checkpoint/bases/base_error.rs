//! Why a base can't be read, or not be written.

use std::io;

use thiserror::Error;

use crate::store::checkpoint::digest::Digest;
use crate::store::group_id::GroupId;

/// A base could not be written, or is not valid.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BaseError {
    /// The stream failed.
    #[error("reading or writing a base failed: {0}")]
    Io(#[from] io::Error),
    /// The stream ended before the end frame.
    #[error("the base ends too early")]
    Truncated,
    /// A frame is not what was written.
    #[error("a frame of the base fails its checksum")]
    Checksum,
    /// A frame's length is beyond all bounds; nothing was allocated for it.
    #[error("a frame of {bytes} bytes, of at most {bytes_max}")]
    FrameTooLarge {
        /// The length the frame claims.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// Something was given, or found, that is longer than its bound.
    #[error("a key, payload, meta or cluster id exceeds its bound")]
    FieldTooLarge,
    /// Bytes that are as written, but make no sense, or calls that would write such.
    #[error("the base is malformed: {0}")]
    Malformed(&'static str),
    /// Written by a later build.
    #[error("the base has format version {0}, unknown to this build")]
    UnknownVersion(u16),
    /// Of a cluster with another id.
    #[error("the base belongs to another cluster")]
    ForeignCluster,
    /// Of another group: this one.
    #[error("the base holds shard {0}")]
    ForeignGroup(GroupId),
    /// The records are not those that header and end promise.
    #[error("the base holds {found}, not {promised}")]
    DigestMismatch {
        /// What should be there.
        promised: Digest,
        /// What is there.
        found: Digest,
    },
    /// All frames are fine by themselves, but not these frames were written.
    #[error("the hash over the whole base differs")]
    WholeHash,
}

impl BaseError {
    /// # Errors
    /// [`Self::DigestMismatch`] unless what was found is what was promised.
    pub(in crate::store::checkpoint) fn check_digest(
        promised: Digest,
        found: Digest,
    ) -> Result<(), Self> {
        if promised != found {
            return Err(Self::DigestMismatch { promised, found });
        }
        Ok(())
    }

    /// The system's fault rather than the base's: another base would fare no better.
    pub(in crate::store::checkpoint) fn is_environment(&self) -> bool {
        const EIO: i32 = 5;
        match self {
            // The disk can't read this file any more, which is as good as a failed checksum.
            BaseError::Io(e) => e.raw_os_error() != Some(EIO),
            _ => false,
        }
    }
}

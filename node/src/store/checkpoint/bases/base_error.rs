//! Errors of reading and writing bases.

use std::io;

use thiserror::Error;

use crate::store::checkpoint::digest::Digest;
use crate::store::group_id::GroupId;

/// A base could not be written, or it is not valid.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BaseError {
    /// The stream failed.
    #[error("reading or writing a base failed: {0}")]
    Io(#[from] io::Error),
    /// The stream ended before the end frame.
    #[error("the base ends too early")]
    Truncated,
    /// The bytes of a frame are not those that were written.
    #[error("a frame of the base fails its checksum")]
    Checksum,
    /// A frame's length exceeds the limit; no memory was allocated for it.
    #[error("a frame of {bytes} bytes, of at most {bytes_max}")]
    FrameTooLarge {
        /// The length in the frame's header.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// More bytes were received than had been announced.
    #[error("the base has more than the announced {bytes_max} bytes")]
    TooLong {
        /// The announced bytes.
        bytes_max: u64,
    },
    /// A field that was given or read exceeds its limit.
    #[error("a key, payload, meta or cluster id exceeds its bound")]
    FieldTooLarge,
    /// The checksum holds, but the content is invalid; or a call would write invalid content.
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
    /// The records do not match the digest in the header or the end frame.
    #[error("the base holds {found}, not {promised}")]
    DigestMismatch {
        /// The digest in the file.
        promised: Digest,
        /// The digest of the records.
        found: Digest,
    },
    /// Each frame is valid, but the file as a whole is not what was written.
    #[error("the hash over the whole base differs")]
    WholeHash,
}

impl BaseError {
    /// # Errors
    /// [`Self::DigestMismatch`] unless `found` equals `promised`.
    pub(crate) fn check_digest(promised: Digest, found: Digest) -> Result<(), Self> {
        if promised != found {
            return Err(Self::DigestMismatch { promised, found });
        }
        Ok(())
    }

    /// Whether the system failed and not this base, so that another base would fail as well.
    pub(crate) fn is_environment(&self) -> bool {
        const EIO: i32 = 5;
        match self {
            // The disk can't read this file any more, which counts as a failed checksum.
            BaseError::Io(e) => e.raw_os_error() != Some(EIO),
            _ => false,
        }
    }
}

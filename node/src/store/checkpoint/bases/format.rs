//! The frames of a base, and its header.

use super::base_error::BaseError;
use crate::store::checkpoint::digest::Digest;
use crate::store::checkpoint::position::Position;
use crate::store::checkpoint::tree::meta::META_BYTES_MAX;
use crate::store::checkpoint::tree::record::{KEY_BYTES_MAX, PAYLOAD_BYTES_MAX};
use crate::store::fields::Fields;
use crate::store::group_id::GroupId;

/// Longest cluster id, in bytes.
pub const CLUSTER_ID_BYTES_MAX: usize = 64;

/// A frame is closed once it has this many bytes.
pub(super) const FRAME_BYTES_TARGET: usize = 128 * 1024;
/// Largest frame: an almost full frame plus a record of the largest size.
pub(super) const FRAME_BYTES_MAX: usize =
    FRAME_BYTES_TARGET + RECORD_HEADER_BYTES + KEY_BYTES_MAX + PAYLOAD_BYTES_MAX;
pub(super) const FRAME_HEADER_BYTES: usize = 9;
pub(super) const RECORD_HEADER_BYTES: usize = 6;

/// Version of a file with a whole state.
const WHOLE_VERSION: u16 = 1;
/// Version of a file with changes.
const CHANGES_VERSION: u16 = 2;
/// Stored instead of a payload's length: the record was removed.
pub(super) const REMOVED: u32 = u32::MAX;
/// Distinguishes a base from other files, before its checksum does.
const MAGIC: &[u8; 8] = b"HOMEROOM";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameKind {
    Header = 1,
    Meta = 2,
    Records = 3,
    End = 4,
}

impl FrameKind {
    fn of(byte: u8) -> Option<FrameKind> {
        use FrameKind::{End, Header, Meta, Records};
        let all = [Header, Meta, Records, End];
        all.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// The fixed part before a frame's body.
pub(super) struct FrameHeader {
    kind: u8,
    body_bytes: u32,
    crc: u32,
}

impl FrameHeader {
    pub(super) fn describe(kind: FrameKind, body: &[u8]) -> FrameHeader {
        let (kind, body_bytes) = (kind as u8, body.len() as u32);
        let crc = frame_crc(kind, body_bytes, body);
        FrameHeader {
            kind,
            body_bytes,
            crc,
        }
    }

    pub(super) fn encode(&self) -> [u8; FRAME_HEADER_BYTES] {
        let mut bytes = [self.kind; FRAME_HEADER_BYTES];
        bytes[1..5].copy_from_slice(&self.body_bytes.to_le_bytes());
        bytes[5..].copy_from_slice(&self.crc.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8; FRAME_HEADER_BYTES]) -> FrameHeader {
        let [kind, a, b, c, d, crc @ ..] = *bytes;
        FrameHeader {
            kind,
            body_bytes: u32::from_le_bytes([a, b, c, d]),
            crc: u32::from_le_bytes(crc),
        }
    }

    /// Length of the body, checked before anything is allocated for it.
    pub(super) fn body_bytes(&self) -> Result<usize, BaseError> {
        let (bytes, bytes_max) = (self.body_bytes as usize, FRAME_BYTES_MAX);
        if bytes > bytes_max {
            return Err(BaseError::FrameTooLarge { bytes, bytes_max });
        }
        Ok(bytes)
    }

    pub(super) fn check(&self, body: &[u8]) -> Result<FrameKind, BaseError> {
        if frame_crc(self.kind, self.body_bytes, body) != self.crc {
            return Err(BaseError::Checksum);
        }
        FrameKind::of(self.kind).ok_or(BaseError::Malformed("a frame of unknown kind"))
    }
}

fn frame_crc(kind: u8, body_bytes: u32, body: &[u8]) -> u32 {
    let mut head = [kind; 5];
    head[1..].copy_from_slice(&body_bytes.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c(&head), body)
}

/// Description of one file of a base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseHeader {
    /// The group of the records.
    pub group: GroupId,
    /// The cluster's id, chosen by the caller; at most [`CLUSTER_ID_BYTES_MAX`] bytes.
    pub cluster_id: Vec<u8>,
    /// The log position of the state.
    pub position: Position,
    /// `Some`: the file contains the changes since the state at this position. `None`: a whole
    /// state.
    pub since: Option<Position>,
    /// Count and hash of all records of the state.
    pub digest: Digest,
    /// Length of the caller's meta bytes.
    pub meta_bytes: u32,
}

impl BaseHeader {
    pub(super) fn encode(&self) -> Result<Vec<u8>, BaseError> {
        if self.cluster_id.len() > CLUSTER_ID_BYTES_MAX || self.meta_bytes as usize > META_BYTES_MAX
        {
            return Err(BaseError::FieldTooLarge);
        }
        let mut body = MAGIC.to_vec();
        let version = self.since.map_or(WHOLE_VERSION, |_| CHANGES_VERSION);
        body.extend_from_slice(&version.to_le_bytes());
        body.extend_from_slice(&self.group.to_le_bytes());
        body.extend_from_slice(&(self.cluster_id.len() as u16).to_le_bytes());
        body.extend_from_slice(&self.cluster_id);
        self.position.encode_into(&mut body);
        body.extend_from_slice(&encode_digest(&self.digest));
        body.extend_from_slice(&self.meta_bytes.to_le_bytes());
        if let Some(since) = &self.since {
            since.encode_into(&mut body);
        }
        Ok(body)
    }

    pub(super) fn decode(body: &[u8]) -> Result<BaseHeader, BaseError> {
        let mut fields = Fields::new(body);
        if fields.take(MAGIC.len()) != Some(MAGIC) {
            return Err(BaseError::Malformed("not a base"));
        }
        let are_changes = match fields.u16() {
            Some(WHOLE_VERSION) => false,
            Some(CHANGES_VERSION) => true,
            Some(version) => return Err(BaseError::UnknownVersion(version)),
            None => return Err(BaseError::Malformed("the header")),
        };
        let header = decode_fields(&mut fields, are_changes);
        let header = header.ok_or(BaseError::Malformed("the header"))?;
        if header.meta_bytes as usize > META_BYTES_MAX {
            return Err(BaseError::FieldTooLarge);
        }
        Ok(header)
    }
}

fn decode_fields(fields: &mut Fields<'_>, are_changes: bool) -> Option<BaseHeader> {
    let group = fields.u16()?;
    let cluster_bytes = usize::from(fields.u16()?);
    let cluster_id = fields.take(cluster_bytes)?.to_vec();
    let position = Position::decode(fields)?;
    let digest = decode_digest(fields)?;
    let meta_bytes = fields.u32()?;
    let since = match are_changes {
        true => Some(Position::decode(fields)?),
        false => None,
    };
    fields.is_empty().then_some(BaseHeader {
        group,
        cluster_id,
        position,
        since,
        digest,
        meta_bytes,
    })
}

/// Encodes the body of the end frame.
pub(super) fn encode_end(digest: &Digest, whole_hash: u64) -> Vec<u8> {
    let mut body = encode_digest(digest).to_vec();
    body.extend_from_slice(&whole_hash.to_le_bytes());
    body
}

pub(super) fn decode_end(body: &[u8]) -> Option<(Digest, u64)> {
    let mut fields = Fields::new(body);
    let digest = decode_digest(&mut fields)?;
    let whole_hash = fields.u64()?;
    fields.is_empty().then_some((digest, whole_hash))
}

fn encode_digest(digest: &Digest) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&digest.records.to_le_bytes());
    bytes[8..].copy_from_slice(&digest.hash_sum.to_le_bytes());
    bytes
}

fn decode_digest(fields: &mut Fields<'_>) -> Option<Digest> {
    let (records, hash_sum) = (fields.u64()?, fields.u64()?);
    Some(Digest { records, hash_sum })
}

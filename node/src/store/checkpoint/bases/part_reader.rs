//! Reads and verifies one file of a base from any stream.

use std::io::Read;
use std::ops::Range;

use super::base_error::BaseError;
use super::format::{BaseHeader, FrameKind, RECORD_HEADER_BYTES, REMOVED, decode_end};
use super::frame_stream::FrameStream;
use crate::store::checkpoint::digest::Digest;
use crate::store::checkpoint::tree::record::{
    KEY_BYTES_MAX, PAYLOAD_BYTES_MAX, record_hash, stored_key,
};
use crate::store::fields::Fields;

/// Iterates over the changes in a file in key order. Holds one frame in memory.
///
/// A change is returned once its own frame is verified. Whether the file is complete is known only
/// once [`Self::advance`] has returned `false`.
pub(super) struct PartReader<R> {
    frames: FrameStream<R>,
    header: BaseHeader,
    meta: Vec<u8>,
    found: Digest,
    present: Option<Change>,
    /// The unread part of the current frame.
    unread: Range<usize>,
    last_key: Vec<u8>,
    ended: bool,
}

/// Places of a change's fields in the frame.
#[derive(Clone)]
struct Change {
    key: Range<usize>,
    /// `None`: the record was removed.
    payload: Option<Range<usize>>,
    hash: u64,
}

impl<R: Read> PartReader<R> {
    /// Reads header and meta.
    pub(super) fn open(stream: R) -> Result<Self, BaseError> {
        let mut frames = FrameStream::new(stream);
        let header = frames.read_header()?;
        let meta = read_meta(&mut frames, header.meta_bytes as usize)?;
        Ok(Self {
            frames,
            header,
            meta,
            found: Digest::default(),
            present: None,
            unread: 0..0,
            last_key: Vec::new(),
            ended: false,
        })
    }

    pub(super) fn header(&self) -> &BaseHeader {
        &self.header
    }

    pub(super) fn meta(&self) -> &[u8] {
        &self.meta
    }

    /// The current change's key; `None` before the first and after the last.
    pub(super) fn key(&self) -> Option<&[u8]> {
        let present = self.present.as_ref()?;
        Some(&self.frames.body[present.key.clone()])
    }

    /// The current change's payload; `None` if the record was removed.
    pub(super) fn payload(&self) -> Option<&[u8]> {
        let payload = self.present.as_ref()?.payload.clone()?;
        Some(&self.frames.body[payload])
    }

    /// Hash of the current change's record.
    pub(super) fn hash(&self) -> u64 {
        self.present.as_ref().map_or(0, |present| present.hash)
    }

    /// Advances to the next change; `false` once the file is complete and valid.
    pub(super) fn advance(&mut self) -> Result<bool, BaseError> {
        self.present = None;
        if self.unread.is_empty() && !self.next_records()? {
            return Ok(false);
        }
        let (key_at, payload_at) = record_at(&self.frames.body, self.unread.start)?;
        if payload_at.is_none() && self.header.since.is_none() {
            return Err(BaseError::Malformed("a whole state has nothing removed"));
        }
        self.unread.start = payload_at
            .as_ref()
            .map_or(key_at.end, |payload| payload.end);
        let key = &self.frames.body[key_at.clone()];
        if key <= self.last_key.as_slice() {
            return Err(BaseError::Malformed("keys do not ascend"));
        }
        let payload = payload_at
            .clone()
            .map_or(&[][..], |at| &self.frames.body[at]);
        let hash = record_hash(self.header.group, &stored_key(key), payload);
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        self.found.add(hash);
        self.present = Some(Change {
            key: key_at,
            payload: payload_at,
            hash,
        });
        Ok(true)
    }

    /// Reads the next frame of records; `false` at a valid end.
    fn next_records(&mut self) -> Result<bool, BaseError> {
        if self.ended {
            return Ok(false);
        }
        match self.frames.next()? {
            FrameKind::Records if !self.frames.body.is_empty() => {
                self.unread = 0..self.frames.body.len();
                Ok(true)
            }
            FrameKind::End => self.check_end().map(|()| false),
            _ => Err(BaseError::Malformed("a frame out of place")),
        }
    }

    fn check_end(&mut self) -> Result<(), BaseError> {
        let (promised, whole_hash) =
            decode_end(&self.frames.body).ok_or(BaseError::Malformed("the end"))?;
        BaseError::check_digest(promised, self.found)?;
        if whole_hash != self.frames.whole_hash() {
            return Err(BaseError::WholeHash);
        }
        if !self.frames.at_end()? {
            return Err(BaseError::Malformed("bytes after the end"));
        }
        self.ended = true;
        Ok(())
    }
}

fn read_meta<R: Read>(frames: &mut FrameStream<R>, bytes: usize) -> Result<Vec<u8>, BaseError> {
    let mut meta = Vec::new();
    while meta.len() < bytes {
        if frames.next()? != FrameKind::Meta || frames.body.is_empty() {
            return Err(BaseError::Malformed("the meta is cut short"));
        }
        meta.extend_from_slice(&frames.body);
    }
    if meta.len() > bytes {
        return Err(BaseError::Malformed("there is more meta than promised"));
    }
    Ok(meta)
}

/// Places of key and payload of the change at `at`; no payload for a removal.
fn record_at(frame: &[u8], at: usize) -> Result<(Range<usize>, Option<Range<usize>>), BaseError> {
    let malformed = BaseError::Malformed("a record");
    let mut fields = Fields::new(&frame[at..]);
    let (Some(key_bytes), Some(payload_bytes)) = (fields.u16(), fields.u32()) else {
        return Err(malformed);
    };
    let key_bytes = usize::from(key_bytes);
    let payload_bytes = (payload_bytes != REMOVED).then_some(payload_bytes as usize);
    let length = payload_bytes.unwrap_or(0);
    if key_bytes > KEY_BYTES_MAX || length > PAYLOAD_BYTES_MAX {
        return Err(BaseError::FieldTooLarge);
    }
    if fields.take(key_bytes + length).is_none() {
        return Err(malformed);
    }
    let key_at = at + RECORD_HEADER_BYTES;
    let payload_at = key_at + key_bytes;
    let payload = payload_bytes.map(|bytes| payload_at..payload_at + bytes);
    Ok((key_at..payload_at, payload))
}

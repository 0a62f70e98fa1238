//! Writes one file of a base to any stream.

use std::io::Write;

use xxhash_rust::xxh3::Xxh3;

use super::base_error::BaseError;
use super::format::{
    BaseHeader, FRAME_BYTES_TARGET, FrameHeader, FrameKind, RECORD_HEADER_BYTES, REMOVED,
    encode_end,
};
use crate::store::checkpoint::digest::Digest;
use crate::store::checkpoint::tree::record::{
    KEY_BYTES_MAX, PAYLOAD_BYTES_MAX, record_hash, stored_key,
};

/// Writes header and meta on creation, then records in ascending key order, then the end.
///
/// Holds one frame in memory (128 KiB plus one record). A stream without an end frame is not a
/// valid base, so a dropped writer leaves an invalid one. The caller flushes and syncs the stream.
pub struct BaseWriter<W> {
    stream: W,
    header: BaseHeader,
    whole_hash: Xxh3,
    found: Digest,
    frame: Vec<u8>,
    last_key: Vec<u8>,
    bytes: u64,
}

impl<W: Write> BaseWriter<W> {
    /// Writes header and meta; `header.meta_bytes` must be the length of `meta`.
    pub fn new(stream: W, header: BaseHeader, meta: &[u8]) -> Result<BaseWriter<W>, BaseError> {
        if header.meta_bytes as usize != meta.len() {
            return Err(BaseError::Malformed("the header promises another meta"));
        }
        let body = header.encode()?;
        let mut writer = BaseWriter {
            stream,
            header,
            whole_hash: Xxh3::new(),
            found: Digest::default(),
            frame: Vec::with_capacity(FRAME_BYTES_TARGET),
            last_key: Vec::new(),
            bytes: 0,
        };
        writer.write_frame(FrameKind::Header, &body)?;
        for piece in meta.chunks(FRAME_BYTES_TARGET) {
            writer.write_frame(FrameKind::Meta, piece)?;
        }
        Ok(writer)
    }

    /// Adds a record. Keys must not be empty, and must strictly ascend.
    pub fn put(&mut self, key: &[u8], payload: &[u8]) -> Result<(), BaseError> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(BaseError::FieldTooLarge);
        }
        self.add(key, payload.len() as u32, payload)
    }

    /// Adds the removal of a record to a file of changes. Keys as for [`Self::put`].
    pub fn remove(&mut self, key: &[u8]) -> Result<(), BaseError> {
        if self.header.since.is_none() {
            return Err(BaseError::Malformed("a whole state has nothing removed"));
        }
        self.add(key, REMOVED, &[])
    }

    fn add(&mut self, key: &[u8], payload_bytes: u32, payload: &[u8]) -> Result<(), BaseError> {
        if key.len() > KEY_BYTES_MAX {
            return Err(BaseError::FieldTooLarge);
        }
        if key <= self.last_key.as_slice() {
            return Err(BaseError::Malformed("keys do not ascend"));
        }
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        self.found
            .add(record_hash(self.header.group, &stored_key(key), payload));
        self.frame
            .reserve(RECORD_HEADER_BYTES + key.len() + payload.len());
        self.frame
            .extend_from_slice(&(key.len() as u16).to_le_bytes());
        self.frame.extend_from_slice(&payload_bytes.to_le_bytes());
        self.frame.extend_from_slice(key);
        self.frame.extend_from_slice(payload);
        if self.frame.len() >= FRAME_BYTES_TARGET {
            self.write_records()?;
        }
        Ok(())
    }

    /// Writes the end frame, after a check of a whole state's digest. Returns the stream and the
    /// number of bytes written.
    pub fn finish(mut self) -> Result<(W, u64), BaseError> {
        if self.header.since.is_none() {
            BaseError::check_digest(self.header.digest, self.found)?;
        }
        if !self.frame.is_empty() {
            self.write_records()?;
        }
        let end = encode_end(&self.found, self.whole_hash.digest());
        self.write_frame(FrameKind::End, &end)?;
        Ok((self.stream, self.bytes))
    }

    fn write_records(&mut self) -> Result<(), BaseError> {
        let mut frame = std::mem::take(&mut self.frame);
        self.write_frame(FrameKind::Records, &frame)?;
        // Cleared and kept, to reuse its capacity.
        frame.clear();
        self.frame = frame;
        Ok(())
    }

    fn write_frame(&mut self, kind: FrameKind, body: &[u8]) -> Result<(), BaseError> {
        let header = FrameHeader::describe(kind, body).encode();
        for part in [&header[..], body] {
            self.stream.write_all(part)?;
            self.whole_hash.update(part);
            self.bytes += part.len() as u64;
        }
        Ok(())
    }
}

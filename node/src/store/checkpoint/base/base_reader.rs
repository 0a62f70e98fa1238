//! Reads a base from any stream, verifying all of it.

use std::io::Read;
use std::ops::Range;

use super::base_error::BaseError;
use super::format::{BaseHeader, FrameKind, RECORD_HEADER_BYTES, decode_end};
use super::frame_stream::FrameStream;
use crate::store::checkpoint::fields::Fields;
use crate::store::checkpoint::record::{KEY_BYTES_MAX, PAYLOAD_BYTES_MAX, record_hash, stored_key};
use crate::store::checkpoint::tally::Tally;

/// A record's key and payload, as lent by a [`BaseReader`].
pub type BaseRecord<'a> = (&'a [u8], &'a [u8]);

/// Yields the records of a base in key order, holding one frame of them in memory.
///
/// Records come out as soon as their own frame is verified; whether the base is whole is known only
/// once `next` has answered `None`. Until then, nothing read from it may be relied on.
pub struct BaseReader<R> {
    frames: FrameStream<R>,
    header: BaseHeader,
    meta: Vec<u8>,
    found: Tally,
    /// The part of the present frame that is still to be yielded.
    unread: Range<usize>,
    last_key: Vec<u8>,
    ended: bool,
}

impl<R: Read> BaseReader<R> {
    /// Reads header and meta. Best given a buffered stream.
    pub fn open(stream: R) -> Result<BaseReader<R>, BaseError> {
        let mut frames = FrameStream::new(stream);
        let header = frames.read_header()?;
        let meta = read_meta(&mut frames, header.meta_bytes as usize)?;
        Ok(BaseReader {
            frames,
            header,
            meta,
            found: Tally::default(),
            unread: 0..0,
            last_key: Vec::new(),
            ended: false,
        })
    }

    /// What the base is of.
    pub fn header(&self) -> &BaseHeader {
        &self.header
    }

    /// The caller's meta bytes.
    pub fn meta(&self) -> &[u8] {
        &self.meta
    }

    /// The next record's key and payload; `None` once the base has proved to be whole.
    #[expect(
        clippy::should_implement_trait,
        reason = "lends from the reader's frame"
    )]
    pub fn next(&mut self) -> Result<Option<BaseRecord<'_>>, BaseError> {
        if self.unread.is_empty() && !self.next_records()? {
            return Ok(None);
        }
        let (key, payload) = record_at(&self.frames.body, self.unread.start)?;
        self.unread.start = payload.end;
        let (key, payload) = (&self.frames.body[key], &self.frames.body[payload]);
        if key <= self.last_key.as_slice() {
            return Err(BaseError::Malformed("keys do not ascend"));
        }
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        self.found
            .add(record_hash(self.header.shard, &stored_key(key), payload));
        Ok(Some((key, payload)))
    }

    /// Reads to the end: `Ok` if and only if the base is valid.
    pub fn verify(mut self) -> Result<BaseHeader, BaseError> {
        while self.next()?.is_some() {}
        Ok(self.header)
    }

    /// Brings the next frame of records; `false` at a valid end.
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
        if promised != self.found || self.header.tally != self.found {
            return Err(BaseError::TallyMismatch {
                promised,
                found: self.found,
            });
        }
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

/// Where the record that begins at `at` has its key and its payload.
fn record_at(frame: &[u8], at: usize) -> Result<(Range<usize>, Range<usize>), BaseError> {
    let malformed = BaseError::Malformed("a record");
    let mut fields = Fields::new(&frame[at..]);
    let (Some(key_bytes), Some(payload_bytes)) = (fields.u16(), fields.u32()) else {
        return Err(malformed);
    };
    let (key_bytes, payload_bytes) = (usize::from(key_bytes), payload_bytes as usize);
    if key_bytes > KEY_BYTES_MAX || payload_bytes > PAYLOAD_BYTES_MAX {
        return Err(BaseError::FieldTooLarge);
    }
    if fields.take(key_bytes + payload_bytes).is_none() {
        return Err(malformed);
    }
    let key_at = at + RECORD_HEADER_BYTES;
    let payload_at = key_at + key_bytes;
    Ok((key_at..payload_at, payload_at..payload_at + payload_bytes))
}

//! Splits a stream into verified frames.

use std::io::{self, Read};

use xxhash_rust::xxh3::Xxh3;

use super::base_error::BaseError;
use super::format::{BaseHeader, FRAME_HEADER_BYTES, FrameHeader, FrameKind};

/// Holds the body of one frame at a time.
pub(super) struct FrameStream<R> {
    stream: R,
    whole_hash: Xxh3,
    /// Body of the last frame that was read.
    pub(super) body: Vec<u8>,
}

impl<R: Read> FrameStream<R> {
    pub(super) fn new(stream: R) -> FrameStream<R> {
        FrameStream {
            stream,
            whole_hash: Xxh3::new(),
            body: Vec::new(),
        }
    }

    pub(super) fn read_header(&mut self) -> Result<BaseHeader, BaseError> {
        match self.next()? {
            FrameKind::Header => BaseHeader::decode(&self.body),
            _ => Err(BaseError::Malformed("it does not begin with a header")),
        }
    }

    /// Reads the next frame into `body`.
    pub(super) fn next(&mut self) -> Result<FrameKind, BaseError> {
        let mut head = [0; FRAME_HEADER_BYTES];
        self.stream
            .read_exact(&mut head)
            .map_err(end_is_truncation)?;
        let header = FrameHeader::decode(&head);
        self.body.resize(header.body_bytes()?, 0);
        self.stream
            .read_exact(&mut self.body)
            .map_err(end_is_truncation)?;
        let kind = header.check(&self.body)?;
        // The end frame contains the hash of everything before it, so it is not hashed itself.
        if kind != FrameKind::End {
            self.whole_hash.update(&head);
            self.whole_hash.update(&self.body);
        }
        Ok(kind)
    }

    /// The hash of all frames so far, without the end frame.
    pub(super) fn whole_hash(&self) -> u64 {
        self.whole_hash.digest()
    }

    /// Whether the stream has no more bytes.
    pub(super) fn at_end(&mut self) -> io::Result<bool> {
        let mut beyond = [0; 1];
        loop {
            match self.stream.read(&mut beyond) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                outcome => return outcome.map(|bytes| bytes == 0),
            }
        }
    }
}

fn end_is_truncation(e: io::Error) -> BaseError {
    if e.kind() == io::ErrorKind::UnexpectedEof {
        return BaseError::Truncated;
    }
    BaseError::Io(e)
}

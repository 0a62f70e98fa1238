//! Cuts bytes into lines, within bounds, without copying.

use std::io::{self, ErrorKind, Read};

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr_iter, memrchr};

/// A longer payload is cut.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 20;
/// The length it is cut to: one byte more than a node accepts, so that it is refused as oversized.
pub const OVERSIZED_PREFIX_BYTES: usize = (64 << 10) + 1;

const CHUNK_BYTES: usize = 256 << 10;
/// With less free capacity than this a new chunk is allocated, to avoid small reads.
const READ_BYTES_MIN: usize = 32 << 10;

/// Cuts a stream of bytes into lines, which are slices of the chunks read. No line is copied.
///
/// Blank lines are skipped. A trailing CR is not part of the line.
#[derive(Debug, Default)]
pub struct LineSplitter {
    buffer: BytesMut,
    /// The bytes before this index contain no newline.
    scanned: usize,
    /// The prefix of an oversized line whose rest is being skipped.
    oversized: Option<Bytes>,
}

impl LineSplitter {
    /// Reads once. Returns the number of bytes; 0 at the end.
    pub fn fill(&mut self, from: &mut impl Read) -> io::Result<usize> {
        let filled = self.buffer.len();
        if self.buffer.capacity() - filled < READ_BYTES_MIN {
            self.buffer.reserve(CHUNK_BYTES);
        }
        self.buffer.resize(self.buffer.capacity(), 0);
        let read = loop {
            match from.read(&mut self.buffer[filled..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer
            .truncate(filled + read.as_ref().copied().unwrap_or(0));
        read
    }

    /// Puts bytes back in front of the buffer.
    pub fn prepend(&mut self, bytes: &[u8]) {
        let mut joined = BytesMut::with_capacity(bytes.len() + self.buffer.len());
        joined.extend_from_slice(bytes);
        joined.extend_from_slice(&self.buffer);
        self.buffer = joined;
        self.scanned = 0;
    }

    /// Passes on all complete lines.
    pub fn drain(&mut self, mut sink: impl FnMut(Bytes)) {
        self.end_oversized(&mut sink);
        let Some(last) = memrchr(b'\n', &self.buffer[self.scanned..]) else {
            self.scanned = self.buffer.len();
            self.begin_oversized();
            return;
        };
        let whole = self.buffer.split_to(self.scanned + last + 1).freeze();
        self.scanned = self.buffer.len();
        self.begin_oversized();
        let mut start = 0;
        for end in memchr_iter(b'\n', &whole) {
            emit(&whole, start, end, &mut sink);
            start = end + 1;
        }
    }

    /// At the end of the input: passes on the last line, if it has no newline.
    pub fn finish(mut self, mut sink: impl FnMut(Bytes)) {
        self.drain(&mut sink);
        if let Some(prefix) = self.oversized {
            sink(prefix);
            return;
        }
        let rest = self.buffer.freeze();
        emit(&rest, 0, rest.len(), &mut sink);
    }

    fn begin_oversized(&mut self) {
        if self.oversized.is_none() && self.buffer.len() > PAYLOAD_BYTES_MAX {
            self.oversized = Some(cut(&self.buffer));
        }
        if self.oversized.is_some() {
            self.buffer.clear();
            self.scanned = 0;
        }
    }

    /// Skips to the end of an oversized line, if the buffer contains it.
    fn end_oversized(&mut self, sink: &mut impl FnMut(Bytes)) {
        let Some(prefix) = self.oversized.take() else {
            return;
        };
        match memchr(b'\n', &self.buffer) {
            Some(end) => {
                let _ = self.buffer.split_to(end + 1);
                self.scanned = 0;
                sink(prefix);
            }
            None => {
                self.oversized = Some(prefix);
                self.buffer.clear();
                self.scanned = 0;
            }
        }
    }
}

fn emit(chunk: &Bytes, start: usize, end: usize, sink: &mut impl FnMut(Bytes)) {
    let mut line = &chunk[start..end];
    if let [before @ .., b'\r'] = line {
        line = before;
    }
    if line.len() > PAYLOAD_BYTES_MAX {
        sink(cut(line));
    } else if !line.trim_ascii_start().is_empty() {
        sink(chunk.slice(start..start + line.len()));
    }
}

/// A copy, so that the prefix does not keep the whole chunk in memory.
pub(super) fn cut(payload: &[u8]) -> Bytes {
    Bytes::copy_from_slice(&payload[..OVERSIZED_PREFIX_BYTES])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Yields at most the given number of bytes per read.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(to.len()).min(self.0.len());
            to[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn split(input: &[u8], step: usize) -> Vec<Bytes> {
        let mut from = Trickle(input, step);
        let mut splitter = LineSplitter::default();
        let mut lines = Vec::new();
        while splitter.fill(&mut from).expect("memory") > 0 {
            splitter.drain(|line| lines.push(line));
        }
        splitter.finish(|line| lines.push(line));
        lines
    }

    #[test]
    fn blank_lines_and_carriage_returns_fall_away() {
        let lines = split(b"\r\n{\"a\":1}\r\n\n  \t\n{\"b\":2}\n{\"c\":3}", 3);
        assert_eq!(lines, ["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"]);
        assert!(split(b"", 1).is_empty() && split(b"\n\r\n", 1).is_empty());
    }

    #[test]
    fn an_oversized_line_is_cut_however_it_arrives() {
        let mut input = b"first\n".to_vec();
        input.extend(vec![b'x'; PAYLOAD_BYTES_MAX * 3]);
        input.extend(b"\nlast\n");
        for step in [1 << 12, CHUNK_BYTES, usize::MAX] {
            let lines = split(&input, step);
            assert_eq!(lines.len(), 3);
            assert_eq!(
                (&lines[0][..], &lines[2][..]),
                (&b"first"[..], &b"last"[..])
            );
            assert_eq!(lines[1], vec![b'x'; OVERSIZED_PREFIX_BYTES]);
        }
        let unended = split(&input[..PAYLOAD_BYTES_MAX * 2], CHUNK_BYTES);
        assert_eq!(unended[1].len(), OVERSIZED_PREFIX_BYTES);
    }

    #[test]
    fn the_buffer_stays_bounded_within_an_endless_line() {
        let mut from = io::repeat(b'x').take(64 << 20);
        let mut splitter = LineSplitter::default();
        while splitter.fill(&mut from).expect("memory") > 0 {
            splitter.drain(|_| panic!("there is no whole line"));
            assert!(splitter.buffer.capacity() <= 4 * PAYLOAD_BYTES_MAX);
        }
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_naive_way(
            parts in prop::collection::vec("[ab \r]{0,6}\r?\n?", 0..40), step in 1usize..20,
        ) {
            let input = parts.concat();
            let naive = input.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
            let naive: Vec<_> = naive.filter(|line| !line.trim_ascii().is_empty()).collect();
            prop_assert_eq!(split(input.as_bytes(), step), naive);
        }
    }
}

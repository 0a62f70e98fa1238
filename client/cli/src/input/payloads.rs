//! Groups the payloads of an input.

use std::io::{self, Cursor, Read};

use bytes::Bytes;
use homeroom_proto::v1::RawFormat;
use thiserror::Error;

use super::elements::read_elements;
use super::format::recognise;
use super::lines::LineSplitter;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Payloads of one read, all of one format.
#[derive(Clone, Debug)]
pub struct PayloadGroup {
    /// Their format.
    pub format: RawFormat,
    /// One event each.
    pub payloads: Vec<Bytes>,
}

/// Why an input could not be read to its end. Everything before the error was passed on.
#[derive(Debug, Error)]
pub enum InputError {
    /// The file, the pipe or the compression is damaged.
    #[error("the input can't be read on: {0}")]
    Read(#[from] io::Error),
    /// An array of events is not valid JSON.
    #[error("the input's array is no valid JSON: {0}")]
    Array(#[source] serde_json::Error),
}

/// Passes on all payloads in groups of at most `count_max` events and about `bytes_max` bytes.
/// `sink` returns whether to continue.
///
/// A group of lines ends with each read, so that a slow pipe delays none.
pub fn read_payloads(
    mut from: impl Read,
    format: Option<RawFormat>,
    count_max: usize,
    bytes_max: usize,
    sink: &mut impl FnMut(PayloadGroup) -> bool,
) -> Result<(), InputError> {
    let head = first_bytes(&mut from)?;
    let mut groups = Grouping::new(format, count_max, bytes_max, sink);
    let is_array = head.trim_ascii_start().first() == Some(&b'[');
    let result = match is_array {
        true => read_array(Cursor::new(head).chain(from), &mut groups),
        false => read_lines(&head, from, &mut groups),
    };
    groups.flush();
    result
}

fn read_array<F>(from: impl Read, groups: &mut Grouping<'_, F>) -> Result<(), InputError>
where
    F: FnMut(PayloadGroup) -> bool,
{
    let result = read_elements(from, &mut |payload| groups.add(payload));
    match result {
        Err(_) if groups.stopped => Ok(()),
        other => other.map_err(InputError::Array),
    }
}

fn read_lines<F>(
    head: &[u8],
    mut from: impl Read,
    groups: &mut Grouping<'_, F>,
) -> Result<(), InputError>
where
    F: FnMut(PayloadGroup) -> bool,
{
    let mut splitter = LineSplitter::default();
    splitter.prepend(head);
    while !groups.stopped {
        let read = splitter.fill(&mut from);
        splitter.drain(|line| {
            groups.add(line);
        });
        groups.flush();
        if read? == 0 {
            splitter.finish(|line| {
                groups.add(line);
            });
            break;
        }
    }
    Ok(())
}

/// The bytes up to and including the first that is not white space, without a byte order mark.
fn first_bytes(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut byte = [0];
    loop {
        match from.read(&mut byte) {
            Ok(0) => return Ok(head),
            Ok(_) => head.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if head == BYTE_ORDER_MARK || head.trim_ascii().is_empty() {
            head.clear();
        } else if !BYTE_ORDER_MARK.starts_with(&head) {
            return Ok(head);
        }
    }
}

/// The group under construction.
struct Grouping<'a, F> {
    format: Option<RawFormat>,
    count_max: usize,
    bytes_max: usize,
    sink: &'a mut F,
    payloads: Vec<Bytes>,
    bytes: usize,
    stopped: bool,
}

impl<'a, F: FnMut(PayloadGroup) -> bool> Grouping<'a, F> {
    fn new(format: Option<RawFormat>, count_max: usize, bytes_max: usize, sink: &'a mut F) -> Self {
        Self {
            format,
            count_max: count_max.max(1),
            bytes_max,
            sink,
            payloads: Vec::new(),
            bytes: 0,
            stopped: false,
        }
    }

    /// Returns whether to continue.
    fn add(&mut self, payload: Bytes) -> bool {
        if self.format.is_none() {
            self.format = Some(recognise(&payload));
        }
        if self.bytes + payload.len() > self.bytes_max {
            self.flush();
        }
        self.bytes += payload.len();
        self.payloads.push(payload);
        if self.payloads.len() >= self.count_max {
            self.flush();
        }
        !self.stopped
    }

    fn flush(&mut self) {
        if self.payloads.is_empty() || self.stopped {
            return;
        }
        let capacity = self.payloads.len();
        let payloads = std::mem::replace(&mut self.payloads, Vec::with_capacity(capacity));
        let format = self.format.unwrap_or(RawFormat::NativeJson);
        self.bytes = 0;
        self.stopped = !(self.sink)(PayloadGroup { format, payloads });
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::decompressed;
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn read(input: &[u8]) -> (Vec<PayloadGroup>, Result<(), InputError>) {
        let input = Cursor::new(input.to_vec());
        let mut groups = Vec::new();
        let result = read_payloads(
            decompressed(input).expect("memory"),
            None,
            2,
            1 << 20,
            &mut |group| {
                groups.push(group);
                true
            },
        );
        (groups, result)
    }

    fn payloads(groups: &[PayloadGroup]) -> Vec<Bytes> {
        groups
            .iter()
            .flat_map(|group| group.payloads.clone())
            .collect()
    }

    fn gzip(input: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(input).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn lines_come_the_same_plain_and_compressed_in_one_member_or_two() {
        let plain = b"\xef\xbb\xbf\r\n{\"a\":1}\r\n\r\n{\"b\":2}\n{\"c\":3}";
        let mut members = gzip(&plain[..12]);
        members.extend(gzip(&plain[12..]));
        for input in [plain.to_vec(), gzip(plain), members] {
            let (groups, result) = read(&input);
            result.expect("whole");
            assert_eq!(payloads(&groups).len(), 3);
            assert_eq!(payloads(&groups), ["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"]);
            assert!(groups.iter().all(|group| group.payloads.len() <= 2));
        }
    }

    #[test]
    fn an_array_of_statements_is_told_by_its_first_element() {
        let (groups, result) = read(b"\n [\n{\"actor\":{},\"verb\":{}},\n{\"actor\":{}}]\n");
        result.expect("whole");
        assert_eq!(payloads(&groups).len(), 2);
        assert_eq!(
            payloads(&groups),
            ["{\"actor\":{},\"verb\":{}}", "{\"actor\":{}}"]
        );
        assert!(
            groups
                .iter()
                .all(|group| group.format == RawFormat::XapiJson)
        );
    }

    #[test]
    fn a_truncated_archive_gives_what_it_has_and_says_so() {
        let lines: String = (0..100_000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
        let whole = gzip(lines.as_bytes());
        let (groups, result) = read(&whole[..whole.len() / 2]);
        assert!(matches!(result, Err(InputError::Read(_))));
        let found = payloads(&groups);
        assert!(found.len() > 1_000 && found[999] == "{\"n\":999}");
    }

    #[test]
    fn empty_inputs_hold_nothing() {
        for input in [&b""[..], b"\n \r\n", b"[]", b"\xef\xbb\xbf"] {
            let (groups, result) = read(input);
            result.expect("empty");
            assert_eq!(payloads(&groups).len(), 0);
        }
    }

    #[test]
    fn reading_stops_when_nobody_wants_more() {
        for input in ["1\n2\n3\n4\n5\n", "[1,2,3,4,5]"] {
            let mut groups = 0;
            let result = read_payloads(input.as_bytes(), None, 2, 1 << 20, &mut |_| {
                groups += 1;
                false
            });
            assert_eq!(groups, 1);
            result.expect("stopping is no error");
        }
    }
}

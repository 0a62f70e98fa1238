//! Streams the elements of JSON arrays as raw text.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};
use std::rc::Rc;

use bytes::Bytes;
use serde::de::{Deserializer as _, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::lines::{PAYLOAD_BYTES_MAX, cut};

/// The longest element of an array, which must fit into memory.
pub const ELEMENT_BYTES_MAX: usize = 16 << 20;

/// Passes on each element of one top-level JSON array, or of several in a row, as raw bytes.
///
/// `sink` returns whether to continue. At most one element is in memory.
pub(super) fn read_elements(
    from: impl Read,
    sink: &mut impl FnMut(Bytes) -> bool,
) -> Result<(), serde_json::Error> {
    let budget = Budget::default();
    let metered = io::BufReader::new(Metered {
        inner: from,
        budget: budget.clone(),
    });
    let mut reader = serde_json::Deserializer::from_reader(metered);
    loop {
        let wants_more = reader.deserialize_seq(Elements {
            sink,
            budget: &budget,
        })?;
        if !wants_more {
            return Ok(());
        }
        budget.renew();
        match reader.end() {
            Ok(()) => return Ok(()),
            Err(error) if error.is_io() => return Err(error),
            // More input follows: it must be another array.
            Err(_) => {}
        }
    }
}

struct Elements<'a, F> {
    sink: &'a mut F,
    budget: &'a Budget,
}

impl<'de, F: FnMut(Bytes) -> bool> Visitor<'de> for Elements<'_, F> {
    type Value = bool;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<bool, A::Error> {
        while let Some(element) = elements.next_element::<Box<RawValue>>()? {
            self.budget.renew();
            let element = Box::<str>::from(element).into_boxed_bytes();
            let payload = match element.len() > PAYLOAD_BYTES_MAX {
                true => cut(&element),
                false => Bytes::from(element),
            };
            if !(self.sink)(payload) {
                // An error is the only way for a visitor to skip the rest of the array.
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(true)
    }
}

/// Counts the bytes read for the present element.
#[derive(Clone, Default)]
struct Budget(Rc<Cell<usize>>);

impl Budget {
    fn renew(&self) {
        self.0.set(0);
    }
}

struct Metered<R> {
    inner: R,
    budget: Budget,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let used = self.budget.0.get();
        if used > ELEMENT_BYTES_MAX {
            let message = format!("an element is longer than {} MiB", ELEMENT_BYTES_MAX >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let count = self.inner.read(to)?;
        self.budget.0.set(used + count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::lines::OVERSIZED_PREFIX_BYTES;

    fn elements(input: &str) -> (Vec<Bytes>, Result<(), serde_json::Error>) {
        let mut found = Vec::new();
        let result = read_elements(input.as_bytes(), &mut |element| {
            found.push(element);
            true
        });
        (found, result)
    }

    #[test]
    fn elements_come_as_they_are_written() {
        let (found, result) = elements("[ {\"a\" : [1,\n2]} , \"b\" ]\n[{}]\n");
        assert_eq!(found, ["{\"a\" : [1,\n2]}", "\"b\"", "{}"]);
        result.expect("valid");
    }

    #[test]
    fn what_is_broken_is_said_after_what_was_whole() {
        let (found, result) = elements("[{\"a\":1},{\"b\"");
        assert_eq!(found, ["{\"a\":1}"]);
        assert!(result.expect_err("cut off").is_eof());
        assert!(elements("[] 7").1.is_err());
    }

    #[test]
    fn long_elements_are_cut_and_endless_ones_refused() {
        let long = format!("[\"{}\",1]", "x".repeat(PAYLOAD_BYTES_MAX));
        let (found, result) = elements(&long);
        result.expect("valid");
        assert_eq!(
            (found[0].len(), &found[1][..]),
            (OVERSIZED_PREFIX_BYTES, &b"1"[..])
        );
        let endless = format!("[\"{}\"]", "x".repeat(ELEMENT_BYTES_MAX * 2));
        assert!(elements(&endless).1.expect_err("too long").is_io());
    }
}

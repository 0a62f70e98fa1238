//! Building blocks of the hand-written encodings: numbers of variable length, texts and options.
//!
//! The bytes equal those of postcard. They are read and written without
//! going through serde.

use std::ops::RangeInclusive;

use serde::{Serialize, de::DeserializeOwned};

/// The most bytes that an encoded 64-bit number takes.
pub(crate) const NUMBER_BYTES_MAX: usize = 10;

/// Why bytes can't be decoded.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecodeError {
    /// Written by a newer build, or by an older one than this build reads.
    #[error("this build can't read encoding version {0}")]
    UnknownVersion(u8),
    /// Truncated, changed, or not an encoding at all.
    #[error("damaged encoding")]
    Damaged,
}

/// Splits the version byte off and checks it against the known versions.
#[inline]
pub(crate) fn versioned(
    bytes: &[u8],
    known: RangeInclusive<u8>,
) -> Result<(u8, &[u8]), DecodeError> {
    match bytes.split_first() {
        Some((version, body)) if known.contains(version) => Ok((*version, body)),
        Some((version, _)) => Err(DecodeError::UnknownVersion(*version)),
        None => Err(DecodeError::Damaged),
    }
}

/// Encodes a value with postcard, behind a version byte.
pub(crate) fn encode<T: Serialize>(version: u8, value: &T) -> Vec<u8> {
    postcard::to_extend(value, vec![version]).expect("serialising into memory does not fail")
}

/// Reads what [`encode`] wrote.
pub(crate) fn decode<T: DeserializeOwned>(version: u8, bytes: &[u8]) -> Result<T, DecodeError> {
    let (_, body) = versioned(bytes, version..=version)?;
    postcard::from_bytes(body).map_err(|_| DecodeError::Damaged)
}

/// Reads from the front of bytes. `None` means that they are damaged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The bytes that are not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    #[inline]
    pub fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }

    #[inline]
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*bytes)
    }

    #[inline]
    pub fn number(&mut self) -> Option<u64> {
        let first = self.byte()?;
        if first < 0x80 {
            return Some(first.into());
        }
        self.long_number(first)
    }

    fn long_number(&mut self, first: u8) -> Option<u64> {
        let mut number = u64::from(first & 0x7f);
        for place in 1..NUMBER_BYTES_MAX {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                let fits = place < NUMBER_BYTES_MAX - 1 || byte <= 1;
                return fits.then_some(number);
            }
        }
        None
    }

    #[inline]
    pub fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// Reads a length or a count.
    #[inline]
    pub fn size(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    #[inline]
    pub fn text_bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.size()?;
        self.bytes(length)
    }

    #[inline]
    pub fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.text_bytes()?).ok()
    }

    /// Reads an optional value.
    #[inline]
    pub fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.byte()? {
            0 => Some(None),
            1 => read(self).map(Some),
            _ => None,
        }
    }
}

/// Writes what [`Reader`] reads.
pub(crate) trait Put {
    fn put_number(&mut self, number: u64);
    fn put_signed(&mut self, number: i64);
    fn put_size(&mut self, size: usize);
    fn put_text(&mut self, text: &str);
    fn put_option<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T));
}

impl Put for Vec<u8> {
    #[inline]
    fn put_number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.push(low_byte(number) | 0x80);
            number >>= 7;
        }
        self.push(low_byte(number));
    }

    #[inline]
    fn put_signed(&mut self, number: i64) {
        self.put_number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    #[inline]
    fn put_size(&mut self, size: usize) {
        self.put_number(size as u64);
    }

    #[inline]
    fn put_text(&mut self, text: &str) {
        self.put_size(text.len());
        self.extend_from_slice(text.as_bytes());
    }

    #[inline]
    fn put_option<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) {
        match value {
            None => self.push(0),
            Some(value) => {
                self.push(1);
                put(self, value);
            }
        }
    }
}

#[inline]
fn low_byte(number: u64) -> u8 {
    number.to_le_bytes()[0]
}

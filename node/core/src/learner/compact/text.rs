//! Ids and names in 24 bytes, without an allocation if they are short or of a common form.

use std::{cmp::Ordering, ops::Deref};

use xxhash_rust::xxh3::xxh3_64;

use super::memory::allocation_bytes;
use crate::wire::{Put, Reader};

/// Texts up to this many bytes are stored inline.
const SHORT_MAX: usize = 22;
const UUID_LENGTH: usize = 36;
const DERIVED_LENGTH: usize = 40;
/// The prefix of ids that are derived from an event's content.
const DERIVED_PREFIX: &[u8] = b"derived:";
/// The positions of the dashes in a UUID.
const DASHES: [usize; 4] = [8, 13, 18, 23];
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// A buffer for any text that is not stored as text.
type Scratch = [u8; DERIVED_LENGTH];

/// A text in memory. `L` is the type for long texts.
///
/// Each text has exactly one form, so that equal texts have equal forms. They are ordered by their
/// bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compact<L> {
    /// Padded with zeros.
    Short { length: u8, bytes: [u8; SHORT_MAX] },
    /// A UUID in lower case.
    Uuid([u8; 16]),
    /// An id derived from content.
    Derived([u8; 16]),
    /// Any other.
    Long(L),
}

/// An owned text.
pub type Text = Compact<Box<str>>;
/// A text of an event, ready for comparison.
pub type TextRef<'t> = Compact<&'t str>;

impl<'t> TextRef<'t> {
    /// Chooses the form of a text.
    pub fn of(text: &'t str) -> Self {
        let source = text.as_bytes();
        if source.len() <= SHORT_MAX {
            let mut bytes = [0; SHORT_MAX];
            bytes[..source.len()].copy_from_slice(source);
            let length = source.len() as u8;
            return Self::Short { length, bytes };
        }
        let usual = match source.len() {
            UUID_LENGTH => uuid(source).map(Self::Uuid),
            DERIVED_LENGTH => derived(source).map(Self::Derived),
            _ => None,
        };
        usual.unwrap_or(Self::Long(text))
    }

    /// Converts to the owned form.
    pub fn to_text(self) -> Text {
        match self {
            Self::Short { length, bytes } => Text::Short { length, bytes },
            Self::Uuid(bytes) => Text::Uuid(bytes),
            Self::Derived(bytes) => Text::Derived(bytes),
            Self::Long(text) => Text::Long(text.into()),
        }
    }
}

impl Text {
    /// Converts an optional text.
    pub fn from_option(text: Option<&str>) -> Option<Self> {
        text.map(|text| TextRef::of(text).to_text())
    }

    /// Heap memory, bytes.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::Long(text) => allocation_bytes(text.len()),
            _ => 0,
        }
    }
}

impl<L: Deref<Target = str>> Compact<L> {
    fn bytes<'s>(&'s self, scratch: &'s mut Scratch) -> &'s [u8] {
        match self {
            Self::Short { length, bytes } => &bytes[..usize::from(*length).min(SHORT_MAX)],
            Self::Uuid(bytes) => {
                write_uuid(bytes, scratch);
                &scratch[..UUID_LENGTH]
            }
            Self::Derived(bytes) => {
                scratch[..DERIVED_PREFIX.len()].copy_from_slice(DERIVED_PREFIX);
                write_hex(bytes, &mut scratch[DERIVED_PREFIX.len()..]);
                &scratch[..]
            }
            Self::Long(text) => text.as_bytes(),
        }
    }

    /// As text.
    pub fn to_box(&self) -> Box<str> {
        let mut scratch = [0; DERIVED_LENGTH];
        let bytes = self.bytes(&mut scratch);
        std::str::from_utf8(bytes).unwrap_or_default().into()
    }

    /// Passes the bytes to a function.
    pub fn with_bytes<R>(&self, read: impl FnOnce(&[u8]) -> R) -> R {
        let mut scratch = [0; DERIVED_LENGTH];
        read(self.bytes(&mut scratch))
    }

    /// Length of the text, bytes.
    pub fn length(&self) -> usize {
        match self {
            Self::Short { length, .. } => usize::from(*length),
            Self::Uuid(_) => UUID_LENGTH,
            Self::Derived(_) => DERIVED_LENGTH,
            Self::Long(text) => text.len(),
        }
    }

    /// A 64-bit hash of the text.
    pub fn hash(&self) -> u64 {
        self.with_bytes(xxh3_64)
    }

    /// Compares by bytes.
    pub fn compare<M: Deref<Target = str>>(&self, other: &Compact<M>) -> Ordering {
        match (self, other) {
            (
                Self::Short { length, bytes },
                Compact::Short {
                    length: other_length,
                    bytes: other_bytes,
                },
            ) => bytes.cmp(other_bytes).then(length.cmp(other_length)),
            (Self::Uuid(bytes), Compact::Uuid(other))
            | (Self::Derived(bytes), Compact::Derived(other)) => bytes.cmp(other),
            _ => {
                let (mut scratch, mut other_scratch) = ([0; DERIVED_LENGTH], [0; DERIVED_LENGTH]);
                self.bytes(&mut scratch)
                    .cmp(other.bytes(&mut other_scratch))
            }
        }
    }

    /// Whether both are the same text.
    pub fn is<M: Deref<Target = str>>(&self, other: &Compact<M>) -> bool {
        match (self, other) {
            (
                Self::Short { length, bytes },
                Compact::Short {
                    length: other_length,
                    bytes: other_bytes,
                },
            ) => length == other_length && bytes == other_bytes,
            (Self::Uuid(bytes), Compact::Uuid(other))
            | (Self::Derived(bytes), Compact::Derived(other)) => bytes == other,
            (Self::Long(text), Compact::Long(other)) => **text == **other,
            _ => false,
        }
    }

    /// Writes what [`read_text`] reads.
    pub fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Uuid(bytes) => {
                out.push(UUID);
                out.extend_from_slice(bytes);
            }
            Self::Derived(bytes) => {
                out.push(DERIVED);
                out.extend_from_slice(bytes);
            }
            Self::Short { .. } | Self::Long(_) => {
                let mut scratch = [0; DERIVED_LENGTH];
                let bytes = self.bytes(&mut scratch);
                out.put_size(bytes.len() + FORMS);
                out.extend_from_slice(bytes);
            }
        }
    }
}

/// Markers in place of a length, for a UUID and for a derived id. Lengths are stored increased by
/// [`FORMS`].
const UUID: u8 = 0;
const DERIVED: u8 = 1;
const FORMS: usize = 2;

/// Reads a text.
pub fn read_text(from: &mut Reader<'_>) -> Option<Text> {
    match from.size()? {
        0 => from.array().map(Text::Uuid),
        1 => from.array().map(Text::Derived),
        size => {
            let text = std::str::from_utf8(from.bytes(size - FORMS)?).ok()?;
            Some(TextRef::of(text).to_text())
        }
    }
}

/// Compares optional texts; `None` comes first.
pub fn compare_options(one: Option<&Text>, other: Option<&TextRef<'_>>) -> Ordering {
    match (one, other) {
        (Some(one), Some(other)) => one.compare(other),
        (one, other) => one.is_some().cmp(&other.is_some()),
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(other)
    }
}

fn uuid(text: &[u8]) -> Option<[u8; 16]> {
    if DASHES.iter().any(|&dash| text[dash] != b'-') {
        return None;
    }
    let mut bytes = [0; 16];
    let groups = [
        (0..8, 0),
        (9..13, 4),
        (14..18, 6),
        (19..23, 8),
        (24..36, 10),
    ];
    for (digits, at) in groups {
        read_hex(&text[digits], &mut bytes[at..])?;
    }
    Some(bytes)
}

fn derived(text: &[u8]) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    read_hex(text.strip_prefix(DERIVED_PREFIX)?, &mut bytes)?;
    Some(bytes)
}

fn read_hex(digits: &[u8], bytes: &mut [u8]) -> Option<()> {
    let mut seen = 0;
    for (pair, byte) in digits.chunks_exact(2).zip(bytes) {
        let [high, low] = [pair[0], pair[1]].map(|digit| VALUES[usize::from(digit)]);
        seen |= high | low;
        *byte = high << 4 | low;
    }
    (seen < NO_DIGIT).then_some(())
}

/// The value in [`VALUES`] for bytes that are not digits. It stays recognisable when values are
/// or-ed.
const NO_DIGIT: u8 = 0x10;
/// The values of hexadecimal digits in lower case.
const VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < DIGITS.len() {
        values[DIGITS[value] as usize] = value as u8;
        value += 1;
    }
    values
};

fn write_uuid(bytes: &[u8; 16], text: &mut Scratch) {
    let groups = [(0..4, 0), (4..6, 9), (6..8, 14), (8..10, 19), (10..16, 24)];
    for (group, at) in groups {
        write_hex(&bytes[group], &mut text[at..]);
    }
    for dash in DASHES {
        text[dash] = b'-';
    }
}

fn write_hex(bytes: &[u8], text: &mut [u8]) {
    for (byte, pair) in bytes.iter().zip(text.chunks_exact_mut(2)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0xf)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 14] = [
        "",
        "\0",
        "a",
        "a\0",
        "derived:0123456789abcdef0123456789abcdef",
        "derived:0123456789abcdef0123456789abcdeF",
        "derived:1",
        "é",
        "7f0c1a52-9f3e-4d65-8a3b-0c1d2e3f4a5b",
        "7f0c1a52-9f3e-4d65-8a3b-0c1d2e3f4a5c",
        "7f0c1a52-9f3e-4d65-8a3b-0c1d2e3f4a5B",
        "7f0c1a52-9f3e-4d65-8a3b",
        "exactly-22-bytes-long!",
        "more than 22 bytes long, which is a text of its own",
    ];

    #[test]
    fn texts_are_what_they_were_and_keep_their_order() {
        assert_eq!(size_of::<Option<Text>>(), 24);
        for one in TEXTS {
            let text = TextRef::of(one).to_text();
            assert_eq!(&*text.to_box(), one);
            let mut written = Vec::new();
            text.put(&mut written);
            let mut reader = Reader::new(&written);
            assert_eq!(read_text(&mut reader).as_ref(), Some(&text));
            assert!(reader.rest().is_empty());
            for other in TEXTS {
                let probe = TextRef::of(other);
                assert_eq!(text.compare(&probe), one.cmp(other), "{one:?} {other:?}");
                assert_eq!(text.is(&probe), one == other, "{one:?} {other:?}");
            }
        }
    }
}

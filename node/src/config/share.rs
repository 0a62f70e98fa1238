//! A size, or a share of the available memory.

use std::{fmt, ops::RangeInclusive};

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer, de};

/// A bound on memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MemoryBound {
    /// A fixed size.
    Size(ByteSize),
    /// A share of the available memory.
    Share(Share),
}

/// A share in per cent, 1 to 90.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u8);

impl MemoryBound {
    /// The bound in bytes, where `memory_bytes` are available.
    pub fn of(self, memory_bytes: u64) -> u64 {
        match self {
            Self::Size(size) => size.as_u64(),
            Self::Share(Share(percent)) => memory_bytes / 100 * u64::from(percent),
        }
    }
}

impl Share {
    /// The bounds in words.
    pub(super) const BOUNDS: &str = "1% to 90%";
    const PERCENT: RangeInclusive<u8> = 1..=90;

    /// Parses a share like `40%`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let percent = text.strip_suffix('%')?.parse().ok()?;
        Self::PERCENT.contains(&percent).then_some(Self(percent))
    }
}

impl<'de> Deserialize<'de> for MemoryBound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BoundVisitor)
    }
}

struct BoundVisitor;

impl de::Visitor<'_> for BoundVisitor {
    type Value = MemoryBound;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size or a share of the memory")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<MemoryBound, E> {
        match Share::parse(text) {
            Some(share) => Ok(MemoryBound::Share(share)),
            None => text.parse().map(MemoryBound::Size).map_err(E::custom),
        }
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<MemoryBound, E> {
        Ok(MemoryBound::Size(ByteSize(bytes)))
    }

    fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<MemoryBound, E> {
        let bytes = u64::try_from(bytes).map_err(E::custom)?;
        self.visit_u64(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_what_there_is_and_a_size_is_not() {
        let share = Share::parse("40%").map(MemoryBound::Share);
        assert_eq!(
            share.map(|bound| bound.of(1_000_000_001)),
            Some(400_000_000)
        );
        assert_eq!(MemoryBound::Size(ByteSize::kib(1)).of(7), 1_024);
    }

    #[test]
    fn a_share_is_a_whole_number_within_bounds() {
        for text in ["0%", "91%", "400%", "-1%", "4.5%", "40 %", "40", "%", ""] {
            assert_eq!(Share::parse(text), None, "{text}");
        }
        assert_eq!(
            [Share::parse("1%"), Share::parse("90%")],
            [Some(Share(1)), Some(Share(90))]
        );
    }
}

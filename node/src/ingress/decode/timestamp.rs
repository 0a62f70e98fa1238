//! Parses event times.

use std::borrow::Cow;

use jiff::Timestamp;

/// Digits of a second's fraction that the parser accepts. More are legal, but below the precision
/// that is kept.
const FRACTION_DIGITS_MAX: usize = 9;
/// Index of the fraction's first digit in `2026-01-31T12:00:00.5Z`.
const FRACTION_AT: usize = 20;

/// The time of an event, as far as it can be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Stamp<'p> {
    #[default]
    Absent,
    /// Ms since the epoch.
    At(i64),
    /// The text found, for the message.
    Unreadable(Cow<'p, str>),
}

impl<'p> Stamp<'p> {
    /// Reads RFC 3339 strictly, so that another implementation can recompute what is accepted.
    pub fn from_rfc3339(text: Cow<'p, str>) -> Self {
        if text.is_empty() {
            return Self::Absent;
        }
        let read = if is_rfc3339_shaped(text.as_bytes()) {
            parse(&text)
        } else {
            None
        };
        read.map_or(Self::Unreadable(text), Self::At)
    }

    /// Reads the ISO 8601 forms used in statements, such as times without seconds or an offset like
    /// `+0100`.
    pub fn from_iso8601(text: Cow<'p, str>) -> Self {
        if text.is_empty() {
            return Self::Absent;
        }
        parse(&text).map_or(Self::Unreadable(text), Self::At)
    }

    /// From the parts of a `google.protobuf.Timestamp`, which is bounded to the years 1 to 9999.
    pub fn from_parts(seconds: i64, nanos: i32) -> Self {
        const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
        if SECONDS.contains(&seconds) && (0..1_000_000_000).contains(&nanos) {
            Self::At(seconds * 1000 + i64::from(nanos / 1_000_000))
        } else {
            Self::Unreadable(format!("{seconds} s and {nanos} ns").into())
        }
    }
}

/// Whether the separators are those of RFC 3339. The parser checks the digits.
fn is_rfc3339_shaped(text: &[u8]) -> bool {
    let ends_with_offset = match text {
        [.., b'Z' | b'z'] => true,
        // The parser would accept an offset of a day or more.
        [.., b'+' | b'-', tens, ones, b':', _, _] => [*tens, *ones] < *b"24",
        _ => false,
    };
    ends_with_offset
        && text.len() >= FRACTION_AT
        && text[4] == b'-'
        && text[7] == b'-'
        && matches!(text[10], b'T' | b't' | b' ')
        && text[13] == b':'
        && text[16] == b':'
        && matches!(text[19], b'.' | b'Z' | b'z' | b'+' | b'-')
}

fn parse(text: &str) -> Option<i64> {
    text.parse()
        .ok()
        .or_else(|| shorter_fraction(text)?.parse().ok())
        .map(floor_ms)
}

/// The same time with the fraction cut to the digits that the parser accepts. `None` when it has no
/// more.
fn shorter_fraction(text: &str) -> Option<String> {
    let fraction = text.get(FRACTION_AT..)?;
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    (digits > FRACTION_DIGITS_MAX).then(|| {
        let kept = FRACTION_AT + FRACTION_DIGITS_MAX;
        format!("{}{}", &text[..kept], &fraction[digits..])
    })
}

fn floor_ms(timestamp: Timestamp) -> i64 {
    // The nanoseconds are negative before the epoch.
    let nanos = i64::from(timestamp.subsec_nanosecond());
    timestamp.as_second() * 1000 + nanos.div_euclid(1_000_000)
}

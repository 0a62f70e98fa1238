//! Whole numbers that an event carries: times in ms, and the producer's sequence.

use std::borrow::Cow;

/// The largest whole number that every JSON reader keeps exactly; sums of many of them are far from overflowing an `i128`,
/// and no time that means anything comes near.
pub(super) const MS_MAX: u64 = (1 << 53) - 1;

/// A number as its source wrote it, made whole. One outside its bounds is kept as written: it is reported only when
/// everything that is looked for earlier is in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Quantity<'p> {
    Valid(u64),
    Invalid(Cow<'p, str>),
}

impl<'p> Quantity<'p> {
    /// A time in ms from the text of a JSON number.
    pub fn ms(text: &'p str) -> Self {
        match text.parse() {
            Ok(ms) if ms <= MS_MAX => Self::Valid(ms),
            _ => Self::scaled(text, 1.0),
        }
    }

    /// A time in ms from the text of a JSON number of seconds.
    pub fn seconds(text: &'p str) -> Self {
        Self::scaled(text, 1000.0)
    }

    /// A time in ms from a message of the wire contract.
    pub fn wire_ms(ms: u64) -> Self {
        if ms <= MS_MAX {
            Self::Valid(ms)
        } else {
            Self::Invalid(ms.to_string().into())
        }
    }

    /// A time in ms that was computed; `text` is what it came from.
    pub fn computed_ms(ms: f64, text: impl Into<Cow<'p, str>>) -> Self {
        // Written so that NaN is invalid.
        if ms >= 0.0 && ms.round() <= MS_MAX as f64 {
            Self::Valid(ms.round() as u64)
        } else {
            Self::Invalid(text.into())
        }
    }

    /// A non-negative integer from the text of a JSON number; `1.0` and `1e3` are integers too.
    pub fn integer(text: &'p str) -> Self {
        if let Ok(integer) = text.parse() {
            return Self::Valid(integer);
        }
        match text.parse::<f64>() {
            Ok(value) if (0.0..=MS_MAX as f64).contains(&value) && value.fract() == 0.0 => {
                Self::Valid(value as u64)
            }
            _ => Self::Invalid(Cow::Borrowed(text)),
        }
    }

    /// The number, of a checked draft.
    pub fn valid(&self) -> Option<u64> {
        match self {
            Self::Valid(value) => Some(*value),
            Self::Invalid(_) => None,
        }
    }

    fn scaled(text: &'p str, factor: f64) -> Self {
        Self::computed_ms(
            text.parse().map_or(f64::NAN, |value: f64| value * factor),
            text,
        )
    }
}

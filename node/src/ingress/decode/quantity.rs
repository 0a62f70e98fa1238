//! Whole numbers of an event: times in ms, and the producer's sequence.

use std::borrow::Cow;

/// The largest whole number that every JSON reader keeps exactly. No meaningful time comes near it,
/// and sums of such numbers do not overflow an `i128`.
pub(super) const MS_MAX: u64 = (1 << 53) - 1;

/// A whole number, or the text of an invalid one. The invalid text is kept because earlier checks
/// take precedence over its fault.
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

    /// A computed time in ms; `text` is its source.
    pub fn computed_ms(ms: f64, text: impl Into<Cow<'p, str>>) -> Self {
        // NaN fails this comparison and is invalid.
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

    /// The number, if it is valid.
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

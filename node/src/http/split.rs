//! Splits bodies into deliveries without decoding them.

use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::error::HttpError;

/// Why a body can't be split.
#[derive(Debug)]
pub(super) enum SplitError {
    /// It is not JSON.
    NotJson(serde_json::Error),
    /// It has too many deliveries.
    TooMany {
        /// The bound.
        max: usize,
    },
}

impl SplitError {
    /// The error of the request.
    pub fn into_http(self) -> HttpError {
        match self {
            Self::NotJson(error) => HttpError::NotJson(format!("the body is no JSON: {error}")),
            Self::TooMany { max } => HttpError::TooMany { max },
        }
    }
}

/// The elements of an array, or else the body as one value. The shape of the values is not checked.
///
/// # Errors
/// See [`SplitError`].
pub(super) fn values(body: &Bytes, max: usize) -> Result<Vec<&RawValue>, SplitError> {
    if !body.trim_ascii_start().starts_with(b"[") {
        let one = serde_json::from_slice(body).map_err(SplitError::NotJson)?;
        return Ok(vec![one]);
    }
    let mut is_over = false;
    let mut from = serde_json::Deserializer::from_slice(body);
    let elements = BoundedArray {
        max,
        is_over: &mut is_over,
    }
    .deserialize(&mut from)
    .and_then(|elements| from.end().map(|()| elements));
    match elements {
        Err(_) if is_over => Err(SplitError::TooMany { max }),
        elements => elements.map_err(SplitError::NotJson),
    }
}

/// The lines of a body with one delivery per line. Blank lines are skipped.
///
/// # Errors
/// When there are more than `max`.
pub(super) fn lines(body: &Bytes, max: usize) -> Result<Vec<&[u8]>, SplitError> {
    let lines = body.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let lines: Vec<&[u8]> = lines
        .filter(|line| !line.is_empty())
        .take(max + 1)
        .collect();
    if lines.len() > max {
        return Err(SplitError::TooMany { max });
    }
    Ok(lines)
}

/// Whether the first line of a body is a JSON object and more lines follow.
pub(super) fn are_lines(body: &[u8]) -> bool {
    let body = body.trim_ascii_start();
    let Some(end) = body.iter().position(|&byte| byte == b'\n') else {
        return false;
    };
    body.starts_with(b"{") && serde_json::from_slice::<&RawValue>(&body[..end]).is_ok()
}

/// Deserializes an array of at most `max` elements. The bound holds while it reads, since small
/// elements take more memory than their bytes.
struct BoundedArray<'f> {
    max: usize,
    is_over: &'f mut bool,
}

impl<'de> DeserializeSeed<'de> for BoundedArray<'_> {
    type Value = Vec<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for BoundedArray<'_> {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(element) = elements.next_element()? {
            if found.len() == self.max {
                *self.is_over = true;
                return Err(A::Error::custom("too many elements"));
            }
            found.push(element);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(body: &'static str) -> Vec<String> {
        let body = Bytes::from_static(body.as_bytes());
        let values = values(&body, 3).expect("values");
        values
            .into_iter()
            .map(|value| value.get().to_owned())
            .collect()
    }

    #[test]
    fn an_array_is_its_elements_and_any_other_value_is_one() {
        assert_eq!(
            parts(" [ {\"a\": 1.50},7,null ] "),
            ["{\"a\": 1.50}", "7", "null"]
        );
        assert_eq!(parts("{\"a\":[1,2]}"), ["{\"a\":[1,2]}"]);
        assert!(parts("[]").is_empty());
    }

    #[test]
    fn what_is_no_json_or_too_much_is_told_apart() {
        for body in ["", "[", "[1,]", "[1] 2", "{} {}", "[{}, {]"] {
            let body = Bytes::from_static(body.as_bytes());
            assert!(
                matches!(values(&body, 3), Err(SplitError::NotJson(_))),
                "{body:?}"
            );
        }
        let many = Bytes::from_static(b"[1,2,3,4]");
        assert!(matches!(
            values(&many, 3),
            Err(SplitError::TooMany { max: 3 })
        ));
        assert!(matches!(
            lines(&Bytes::from_static(b"1\n2\n3\n4"), 3),
            Err(SplitError::TooMany { max: 3 })
        ));
    }

    #[test]
    fn lines_are_told_from_a_value_over_several_lines() {
        let body = Bytes::from_static(b"{}\r\n\n  \n[1]");
        assert_eq!(lines(&body, 2).expect("lines"), [&b"{}"[..], b"[1]"]);
        assert!(are_lines(b"\n{\"a\":1}\n{\"a\":"));
        for body in ["{\"a\":1}", "{\n\"a\":1", "[\n{}", "broken\n{}", ""] {
            assert!(!are_lines(body.as_bytes()), "{body}");
        }
    }
}

//! Helpers for JSON text that is known to be well-formed.

use std::borrow::Cow;

/// A string has an escape that is no character, such as half of a surrogate pair.
#[derive(Debug)]
pub(super) struct BadEscape;

pub(super) fn is_string(json: &str) -> bool {
    json.starts_with('"')
}

pub(super) fn is_object(json: &str) -> bool {
    json.starts_with('{')
}

pub(super) fn is_number(json: &str) -> bool {
    json.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

/// The text of a JSON string (see [`is_string`]), borrowed unless it has escapes.
pub(super) fn unquoted(json: &str) -> Result<Cow<'_, str>, BadEscape> {
    if json.contains('\\') {
        return serde_json::from_str(json)
            .map(Cow::Owned)
            .map_err(|_| BadEscape);
    }
    Ok(Cow::Borrowed(&json[1..json.len() - 1]))
}

/// A value in the form of metadata: the text of a string, compact JSON of anything else.
pub(super) fn plain(json: &str) -> Result<Cow<'_, str>, BadEscape> {
    if is_string(json) {
        unquoted(json)
    } else {
        Ok(compact(json))
    }
}

/// The same JSON without space between tokens. Numbers keep their spelling, which a parsed value
/// would lose.
pub(super) fn compact(json: &str) -> Cow<'_, str> {
    let is_space = |character: char| matches!(character, ' ' | '\n' | '\r' | '\t');
    if !json.contains(is_space) {
        return Cow::Borrowed(json);
    }
    let (mut in_string, mut escaped) = (false, false);
    let kept = json.chars().filter(|&character| {
        if in_string {
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
            return true;
        }
        in_string = character == '"';
        !is_space(character)
    });
    Cow::Owned(kept.collect())
}

/// The nesting depth of arrays and objects; 0 for any other value.
pub(super) fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if in_string => {
                in_string = escaped || byte != b'"';
                escaped = !escaped && byte == b'\\';
            }
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

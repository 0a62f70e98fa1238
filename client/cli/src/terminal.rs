//! Makes text safe to show: a terminal would execute control characters, and any publisher can put
//! them into ids and names.

use std::borrow::Cow;
use std::io;

use serde_json::ser::Formatter;

/// Whether a terminal acts on the character instead of showing it: the controls of ASCII, of
/// Latin-1, line separators, and those that reverse the text around them.
fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text that was laid out here: line ends stay.
pub(super) fn escape_text(text: &str) -> Cow<'_, str> {
    escape(text, |c| is_obeyed(c) && c != '\n')
}

/// A value or message from outside, in one line.
pub(super) fn escape_line(text: &str) -> Cow<'_, str> {
    escape(text, is_obeyed)
}

fn escape(text: &str, is_obeyed: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_obeyed(c) {
            escaped.extend(c.escape_unicode());
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Writes JSON in which all of these characters are escaped. serde_json escapes only those below
/// U+0020; to a parser it is the same document.
pub(super) struct PlainJson;

impl Formatter for PlainJson {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        to: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_obeyed(*c)) {
            to.write_all(&rest.as_bytes()[..at])?;
            // All of them are within 16 bits.
            write!(to, "\\u{:04x}", u32::from(c))?;
            rest = &rest[at + c.len_utf8()..];
        }
        to.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    #[test]
    fn a_name_can_not_command_a_terminal() {
        assert_eq!(
            escape_text("a table\nof two lines"),
            "a table\nof two lines"
        );
        assert_eq!(escape_text("\u{1b}[2Jada\u{7}"), "\\u{1b}[2Jada\\u{7}");
        assert_eq!(escape_line("ada\nok\r"), "ada\\u{a}ok\\u{d}");
    }

    #[test]
    fn no_control_is_left() {
        let all = ('\0'..='\u{9f}').chain('\u{2028}'..='\u{202e}');
        for c in all.chain('\u{2066}'..='\u{2069}').filter(|c| is_obeyed(*c)) {
            assert!(!escape_line(&format!("a{c}b")).contains(c), "{c:?}");
        }
        assert_eq!(escape_line("Zoë, 小明, عليّ"), "Zoë, 小明, عليّ");
    }

    #[test]
    fn json_stays_the_same_document() {
        let text: String = ('\0'..='\u{ff}').chain('\u{2000}'..='\u{2070}').collect();
        let mut bytes = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, PlainJson);
        text.serialize(&mut serializer).expect("written");
        let json = String::from_utf8(bytes).expect("UTF-8");
        assert!(!json.contains(is_obeyed), "{json}");
        let parsed: String = serde_json::from_str(&json).expect("JSON");
        assert_eq!(parsed, text);
    }
}

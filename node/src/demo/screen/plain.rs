//! Makes names safe to show: another publisher's may contain what a terminal would execute.

use std::borrow::Cow;

/// The text with a replacement for each control character, and for each that reverses the text
/// around it.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    let is_obeyed =
        |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    match text.contains(is_obeyed) {
        false => Cow::Borrowed(text),
        true => Cow::Owned(text.replace(is_obeyed, "\u{fffd}")),
    }
}

#[test]
fn a_name_can_not_command_a_terminal() {
    assert_eq!(
        plain("a\u{1b}[2J\nb\u{202e}"),
        "a\u{fffd}[2J\u{fffd}b\u{fffd}"
    );
    assert_eq!(plain("ada"), "ada");
}

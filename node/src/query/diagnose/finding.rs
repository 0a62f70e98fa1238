//! Builds findings and the texts in them.

use std::time::Duration;

use bytesize::ByteSize;
use homeroom_proto::v1::{Finding, Severity};

/// Maximum number of listed names; further ones are only counted.
const NAMES_MAX: usize = 8;

/// All is well.
pub(super) fn ok(check: &str, words: impl Into<String>) -> Finding {
    finding(check, Severity::Ok, "", words, "")
}

/// Worth knowing; no action is needed.
pub(super) fn note(check: &str, subject: &str, words: impl Into<String>) -> Finding {
    finding(check, Severity::Note, subject, words, "")
}

/// Something is wrong; `advice` says what to do.
pub(super) fn warning(
    check: &str,
    subject: &str,
    words: impl Into<String>,
    advice: impl Into<String>,
) -> Finding {
    finding(check, Severity::Warning, subject, words, advice)
}

/// A guarantee is broken; `advice` says what to do.
pub(super) fn fault(
    check: &str,
    subject: &str,
    words: impl Into<String>,
    advice: impl Into<String>,
) -> Finding {
    finding(check, Severity::Fault, subject, words, advice)
}

fn finding(
    check: &str,
    severity: Severity,
    subject: &str,
    words: impl Into<String>,
    advice: impl Into<String>,
) -> Finding {
    Finding {
        check: check.to_owned(),
        severity: severity.into(),
        subject: shown(subject),
        words: words.into(),
        advice: advice.into(),
    }
}

/// A name from outside, escaped for a terminal.
pub(super) fn shown(name: &str) -> String {
    let is_plain = |letter: char| !letter.is_control();
    if name.chars().all(is_plain) {
        name.to_owned()
    } else {
        name.escape_debug().to_string()
    }
}

/// A name as an argument of a shell command.
pub(super) fn argument(name: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_.:/@".contains(letter);
    if !name.is_empty() && name.chars().all(is_plain) {
        name.to_owned()
    } else {
        format!("'{}'", shown(name).replace('\'', r"'\''"))
    }
}

/// `lms, tool and 3 more`.
pub(super) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.into_iter().map(shown).collect();
    let (first, more) = names.split_at(names.len().min(NAMES_MAX));
    let first = first.join(", ");
    match more.len() {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// In whole seconds, below 1 s in whole milliseconds.
pub(super) fn time(duration: Duration) -> String {
    let whole = if duration < Duration::from_secs(1) {
        Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    } else {
        Duration::from_secs(duration.as_secs())
    };
    humantime::format_duration(whole).to_string()
}

/// The same for a duration in ms.
pub(super) fn time_ms(ms: i64) -> String {
    time(Duration::from_millis(ms.unsigned_abs()))
}

/// `1.5 GiB`.
pub(super) fn bytes(count: u64) -> String {
    ByteSize(count).display().iec().to_string()
}

/// `3.1 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_outside_harm_neither_terminal_nor_shell() {
        assert_eq!(shown("lms\u{1b}[2J"), r"lms\u{1b}[2J");
        assert_eq!(argument("listener:grpc"), "listener:grpc");
        assert_eq!(argument("it's; rm"), r"'it'\''s; rm'");
        assert_eq!(argument(""), "''");
    }

    #[test]
    fn long_lists_are_counted() {
        let names: Vec<String> = (0..10).map(|number| number.to_string()).collect();
        let listed = listed(names.iter().map(String::as_str));
        assert_eq!(listed, "0, 1, 2, 3, 4, 5, 6, 7 and 2 more");
    }

    #[test]
    fn figures_are_shown_with_their_units() {
        assert_eq!(time(Duration::from_micros(12_345)), "12ms");
        assert_eq!(time_ms(61_500), "1m 1s");
        assert_eq!(bytes(3 << 29), "1.5 GiB");
        assert_eq!(percent(0.031), "3.1 %");
    }
}

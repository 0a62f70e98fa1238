//! Standard output, as text or as JSON.

use std::borrow::Cow;
use std::io::{self, BufWriter, Stdout, Write};

use serde::Serialize;

use crate::error::CliError;

const BUFFER_BYTES: usize = 256 << 10;

/// Standard output, buffered, as text or as JSON.
pub(super) struct Output {
    json: bool,
    to: BufWriter<Stdout>,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            to: BufWriter::with_capacity(BUFFER_BYTES, io::stdout()),
        }
    }

    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// One JSON document, on a line of its own.
    pub(super) fn json(&mut self, document: &impl Serialize) -> Result<(), CliError> {
        let written = serde_json::to_writer(&mut self.to, document).map_err(io::Error::from);
        let written = written.and_then(|()| self.to.write_all(b"\n"));
        written.map_err(CliError::Output)
    }

    /// Text with a newline after it.
    pub(super) fn text(&mut self, text: impl std::fmt::Display) -> Result<(), CliError> {
        writeln!(self.to, "{}", escape_controls(&text.to_string())).map_err(CliError::Output)
    }

    /// Flushes the buffer.
    pub(super) fn flush(&mut self) -> Result<(), CliError> {
        self.to.flush().map_err(CliError::Output)
    }
}

/// Escapes control characters: a terminal would execute them, and any publisher can put them into
/// ids and names.
pub(super) fn escape_controls(text: &str) -> Cow<'_, str> {
    let is_obeyed = |c: char| c.is_control() && c != '\n';
    if !text.contains(is_obeyed) {
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

#[test]
fn a_name_can_not_command_a_terminal() {
    assert_eq!(
        escape_controls("a table\nof two lines"),
        "a table\nof two lines"
    );
    assert_eq!(escape_controls("\u{1b}[2Jada\u{7}"), "\\u{1b}[2Jada\\u{7}");
}

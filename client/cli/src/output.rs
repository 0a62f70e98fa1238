//! Standard output, as text or as JSON.

use std::io::{self, BufWriter, Stdout, Write};

use serde::Serialize;
use serde_json::Serializer;

use crate::error::CliError;
use crate::terminal::{PlainJson, escape_text};

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
        let mut serializer = Serializer::with_formatter(&mut self.to, PlainJson);
        let written = document.serialize(&mut serializer).map_err(io::Error::from);
        let written = written.and_then(|()| self.to.write_all(b"\n"));
        written.map_err(CliError::Output)
    }

    /// Text with a newline after it.
    pub(super) fn text(&mut self, text: impl std::fmt::Display) -> Result<(), CliError> {
        writeln!(self.to, "{}", escape_text(&text.to_string())).map_err(CliError::Output)
    }

    /// Flushes the buffer.
    pub(super) fn flush(&mut self) -> Result<(), CliError> {
        self.to.flush().map_err(CliError::Output)
    }
}

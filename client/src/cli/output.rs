//! Standard output, as text or as JSON.

use std::io::{self, BufWriter, Stdout, Write};

use serde::Serialize;

use super::error::CliError;

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
        serde_json::to_writer(&mut self.to, document).map_err(io::Error::from)?;
        self.to.write_all(b"\n")?;
        Ok(())
    }

    /// Text with a newline after it.
    pub(super) fn text(&mut self, text: impl std::fmt::Display) -> Result<(), CliError> {
        writeln!(self.to, "{text}")?;
        Ok(())
    }

    /// Shows what was written so far.
    pub(super) fn flush(&mut self) -> Result<(), CliError> {
        self.to.flush()?;
        Ok(())
    }
}

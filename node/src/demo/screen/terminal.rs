//! Writes the lesson to the terminal: redrawn in place, or a line every few seconds where it can't
//! be redrawn.

use std::io;

use console::Term;

use super::{text_lines, view::Picture};

/// Without redrawing, one picture in this many becomes a line.
const LINE_ONE_OF: u64 = 5;
/// The row below the picture, for the cursor.
const ROWS_LEFT_OUT: usize = 1;

/// Writes the lesson to the terminal.
///
/// It changes no state of the terminal: no raw mode, no alternate screen, no hidden cursor. So
/// nothing has to be restored, however the process ends.
pub struct Screen {
    term: Term,
    is_drawn: bool,
    shown: u64,
}

impl Screen {
    /// Uses standard output, or standard error if standard output is for the JSON document.
    pub fn new(is_output_taken: bool) -> Self {
        let term = if is_output_taken {
            Term::buffered_stderr()
        } else {
            Term::buffered_stdout()
        };
        let is_drawn = !is_output_taken && term.is_term() && !console::is_dumb();
        Self {
            term,
            is_drawn,
            shown: 0,
        }
    }

    /// Shows a picture in place of the one before, in one write to avoid flicker.
    ///
    /// # Errors
    /// When the output is closed.
    pub fn show(&mut self, picture: &Picture) -> io::Result<()> {
        self.shown += 1;
        if self.is_drawn {
            self.draw(picture)?;
        } else {
            if self.shown == 1 {
                self.term.write_line(&text_lines::opening(picture))?;
            }
            if self.shown % LINE_ONE_OF == 1 {
                self.term.write_line(&text_lines::line(picture))?;
            }
        }
        self.term.flush()
    }

    /// Writes lines below the picture.
    ///
    /// # Errors
    /// When the output is closed.
    pub fn end(&mut self, lines: &[String]) -> io::Result<()> {
        if self.is_drawn {
            // The terminal has echoed `^C` at the cursor.
            self.term.write_line("")?;
        }
        for line in lines {
            self.term.write_line(line)?;
        }
        self.term.flush()
    }

    fn draw(&self, picture: &Picture) -> io::Result<()> {
        let (rows, columns) = self.term.size();
        let (rows, columns) = (usize::from(rows), usize::from(columns));
        if self.shown == 1 {
            // Scrolls the previous output up, so that it is not overwritten.
            self.term.write_str(&"\n".repeat(rows))?;
        }
        let is_coloured = self.term.features().colors_supported();
        let lines = picture.draw(columns, rows.saturating_sub(ROWS_LEFT_OUT), is_coloured);
        self.term.move_cursor_to(0, 0)?;
        for line in lines {
            self.term.clear_line()?;
            self.term.write_line(&line)?;
        }
        self.term.clear_to_end_of_screen()
    }
}

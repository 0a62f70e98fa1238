//! Where the lesson is shown: redrawn in place at a terminal, else a line now and then.

use std::io;

use console::Term;

use super::{text_lines, view::Picture};

/// Where nothing can be drawn, one picture of so many becomes a line.
const LINE_ONE_OF: u64 = 5;
/// The row below the picture, where the cursor rests.
const ROWS_LEFT_OUT: usize = 1;

/// Where the lesson is shown.
///
/// Nothing of the terminal's state is changed (no raw mode, no other screen, no hidden cursor), so nothing has to be put back,
/// whatever way the process ends.
pub struct Screen {
    term: Term,
    is_drawn: bool,
    shown: u64,
}

impl Screen {
    /// Standard output, or standard error where that belongs to the summary.
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

    /// Shows a picture in place of the one before; all in one write, so that nothing flickers.
    ///
    /// # Errors
    /// When nobody reads any more.
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
    /// When nobody reads any more.
    pub fn end(&mut self, lines: &[String]) -> io::Result<()> {
        if self.is_drawn {
            // A terminal has shown `^C` where the cursor rests.
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
            // What stood there scrolls away instead of being painted over.
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

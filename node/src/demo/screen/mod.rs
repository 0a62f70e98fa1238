//! Shows the lesson: redrawn in place at a terminal, otherwise a line every few seconds, and a
//! summary at the end.

mod help;
mod plain;
mod summary;
mod terminal;
#[cfg(test)]
mod tests;
mod text_lines;
mod view;

pub use summary::Summary;
pub use terminal::Screen;
pub use view::Picture;

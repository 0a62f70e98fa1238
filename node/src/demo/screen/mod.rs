//! Shows the lesson: redrawn at a terminal, or a line now and then, and a summary at the end.

mod help;
mod summary;
mod terminal;
#[cfg(test)]
mod tests;
mod text_lines;
mod view;

pub use summary::Summary;
pub use terminal::Screen;
pub use view::Picture;

//! The simulated class, purely: from a seed and a time come the events that its sources publish.

mod broken;
mod cast;
mod events;
mod pupil;
mod script;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub use events::of_act;
#[cfg(test)]
pub use pupil::Act;

pub use cast::name;
pub use events::{Source, event_ms, is_answer, is_listed};
pub use script::{Content, Delivery, Script};

/// The course that the class takes.
pub const COURSE: &str = "algebra-1";

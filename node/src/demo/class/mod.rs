//! The simulated class, purely: from a seed and a time come the events that its sources publish.

mod broken;
mod events;
mod member;
mod personas;
mod script;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub use events::of_act;
#[cfg(test)]
pub use member::Act;

pub use events::{Source, event_ms, is_answer, is_listed};
pub use personas::name;
pub use script::{Content, Delivery, Script};

/// The course that the class takes.
pub const COURSE: &str = "algebra-1";

//! The simulated class: a pure function from a seed and a time to the events that its sources
//! publish.

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

/// The only course of the class.
pub const COURSE: &str = "algebra-1";

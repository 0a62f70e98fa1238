//! The generator: lifelike event files from a seed, in native JSON lines.
//!
//! Learners follow scripts (read, watch, take a quiz, go away), three sources report what they do, and deliveries are repeated,
//! reordered, late and broken as settings say. The same settings give the same lines on every machine.
//!
//! Only clicks and page views come without an `eventId`, and conflicting copies differ in nothing that a window shows: so no figure
//! depends on which of two deliveries arrives first, nor on how ids are derived.

mod breakage;
mod catalogue;
#[cfg(test)]
mod checks;
mod event_lines;
mod line;
mod scene;
mod script;
mod settings;

pub use event_lines::EventLines;
pub use settings::GeneratorSettings;

//! The generator: lifelike files of native JSON lines, from a seed.
//!
//! Learners follow scripts (read, watch, take a quiz, pause), and three sources report their
//! actions. Deliveries are repeated, reordered, late and broken as the settings say. Equal settings
//! give equal lines on every machine.
//!
//! Only clicks and page views have no `eventId`, and conflicting copies differ only in fields that
//! no window shows. So no figure depends on which of two deliveries arrives first, nor on how ids
//! are derived.

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

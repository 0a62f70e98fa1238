//! The meaning of events: everything that must be equal on all replicas.
//!
//! Events and log time come in, state and effects go out. There is no I/O, no clock, no randomness,
//! no map with random order and no async runtime. The same entries in the same order give the same
//! state, bit for bit, on every replica and at every replay.

mod chain;
pub mod cluster;
mod context;
mod dead_letter_update;
pub mod entry;
mod entry_hash;
mod event;
mod event_summary;
#[cfg(test)]
mod event_tests;
mod event_type;
pub mod learner;
mod refusal;
mod settings;
pub mod shard;
pub mod time;
mod wire;

pub use dead_letter_update::{AmendedLetter, DeadLetterUpdate};
pub use entry_hash::EntryHash;
pub use event::{Event, content_hash, learner_hash, shard_of};
pub use event_summary::EventSummary;
pub use event_type::{EventKind, EventType, Playback};
pub use refusal::{PayloadFormat, Reason, Refusal};
pub use settings::{
    ActorForm, BadSkillFrom, CHANGE_BYTES_MAX, LEARNER_BYTES_MAX, LatePolicy, SETTINGS_BYTES_MAX,
    Settings, SettingsChange, SettingsError, SkillFrom, SourcePolicy, WindowShape,
};
pub use wire::DecodeError;

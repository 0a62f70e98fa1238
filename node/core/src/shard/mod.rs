//! The state of a shard besides its learners: log time, watermark, sources, counters, settings,
//! dead letters.
//!
//! An entry is applied in three steps. [`ShardState::begin`] fixes the context of its events. The
//! learners apply their events, independently and in any order. [`ShardState::finish`] counts the
//! outcomes in the order of the entry, and [`ShardState::close_windows`] ends it. Each step adds
//! what it did to the [`crate::EntryHash`].

mod dead_letters;
mod due;
mod finish;
mod hashed;
mod open_windows;
mod outcome;
mod source;
mod state;
mod watermark;

pub use crate::context::{BLOCK_EVENTS, EntryContext, ReadPoint};
pub use dead_letters::{
    DeadLetter, DeadLetterChange, DeadLetterGroup, DeadLetters, LETTER_BYTES_MAX,
};
pub use finish::{RecordVerdict, normalised_hash};
pub use outcome::Outcome;
pub use source::{Counters, OTHER_SOURCES, Sequence, SourceFreshness};
pub use state::{Freshness, STATE_BYTES_MAX, ShardState};

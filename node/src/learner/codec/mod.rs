//! Learners as records: their keys, their bytes, and what a capture writes.
//!
//! Must not know: actors.

mod collected;
mod first_piece;
mod keys;
mod pack;
mod stored;

pub use collected::{Collected, Saved};
pub use keys::{
    RecordKey, dead_letter_key, learner_key, learner_prefix, learners_after, learners_from,
    pack_key, parse_key, standings_after, standings_at, standings_from, standings_prefix,
};
#[cfg(test)]
pub use pack::pack;
pub use pack::{packed_heads, unpacked_head};
#[cfg(test)]
pub use stored::NoBlocks;
pub use stored::{
    BlockSource, Gathered, LoadError, Stored, fetch, live_block, load, load_block, was_passivated,
};

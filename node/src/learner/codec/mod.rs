//! Learners as records: their keys, their bytes, and how a capture writes them.
//!
//! Must not know: actors.

mod collected;
mod first_piece;
mod keys;
mod pack;
mod packs;
mod stored;

pub use collected::{Collected, Saved};
pub use keys::{
    RecordKey, dead_letter_key, learner_key, learners_from, pack_key, parse_key, standings_after,
    standings_from, standings_prefix,
};
pub use packs::{Packs, packed_heads};
#[cfg(test)]
pub use stored::NoBlocks;
pub use stored::{
    BlockSource, Gathered, LoadError, Stored, fetch, fetch_live, load, load_block, was_passivated,
};

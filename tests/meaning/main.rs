//! Checks the core against the written meaning: with hand-computed examples, and with random
//! histories against the naive model.
//!
//! A failing random test prints its seed and the command that replays it. `HOMEROOM_SEED` runs one
//! seed alone. `HOMEROOM_CASES` (default 100) scales the number of cases of all random tests.

mod content;
mod dead_letter_updates;
mod dead_letters;
mod encoding;
mod entry_hash;
mod expiry;
mod hostile;
mod late;
mod lifelike;
mod naive_revisions;
mod naive_watermark;
mod old_state;
mod outcomes;
mod pages;
mod plan;
mod poison;
mod purity;
mod random_log;
mod residence;
mod revision_histories;
mod revisions;
mod room;
mod seeds;
mod standings;
mod three_rigs;
mod touches;
mod watermark;
mod watermark_runs;

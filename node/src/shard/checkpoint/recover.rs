//! Recovers a shard's state from its checkpoint.

use homeroom_core::shard::ShardState;

use crate::{
    learner::{RecordKey, dead_letter_key, parse_key},
    store::checkpoint::CheckpointStore,
};

/// A shard's state, of its own record and the stored dead letters.
///
/// # Errors
/// When they can't be read.
pub fn recover(store: &CheckpointStore, shard: u16, own: &[u8]) -> Result<ShardState, String> {
    let letters = dead_letters(store, shard)?;
    ShardState::restore(own, letters.into_iter()).map_err(|error| error.to_string())
}

/// Dead letters are numbered from 0, so their keys precede those of practically all learners.
const LETTER_NUMBERS_END: u64 = 1 << 40;

fn dead_letters(store: &CheckpointStore, shard: u16) -> Result<Vec<(u64, Vec<u8>)>, String> {
    let mut letters = Vec::new();
    for record in store
        .scan(shard, &dead_letter_key(0))
        .map_err(|error| error.to_string())?
    {
        let record = record.map_err(|error| error.to_string())?;
        if record.key() >= &dead_letter_key(LETTER_NUMBERS_END)[..] {
            break;
        }
        if let Some(RecordKey::DeadLetter(number)) = parse_key(record.key()) {
            letters.push((number, record.payload().to_vec()));
        }
    }
    Ok(letters)
}

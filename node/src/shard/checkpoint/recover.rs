//! A shard's state from what is stored of it.

use homeroom_core::shard::ShardState;

use crate::{
    learner::{RecordKey, dead_letter_key, parse_key},
    raft::{Group, GroupConfig, Membership, Replicated, StartError},
    store::checkpoint::{CheckpointStore, Position},
};

type Recovered = (ShardState, Membership);

/// A shard's own state and its group's membership, as of the recovered position; `None` where nothing is stored.
///
/// # Errors
/// When the stored state can't be read.
pub fn recover<R: Replicated>(
    group: &GroupConfig,
    store: &CheckpointStore,
    recovered: Option<Position>,
) -> Result<Option<Recovered>, StartError> {
    let failed = |error: &dyn std::fmt::Display| StartError::State {
        group: group.name.clone(),
        error: std::io::Error::other(error.to_string()),
    };
    if recovered.is_none() {
        return Ok(None);
    }
    let meta = store.meta(group.id).map_err(|error| failed(&error))?;
    let meta = meta.ok_or_else(|| failed(&"its checkpoint has no state"))?;
    let (membership, own) =
        Group::<R>::decode_state(&meta.bytes).map_err(|error| failed(&error))?;
    let letters = dead_letters(store, group.id).map_err(|error| failed(&error))?;
    let state = ShardState::restore(&own, letters.into_iter()).map_err(|error| failed(&error))?;
    Ok(Some((state, membership)))
}

/// Letters are numbered from 0, so their keys come before those of practically all learners.
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

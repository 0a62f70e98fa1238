//! Recovers a shard's state from its checkpoint.

use homeroom_core::shard::ShardState;

use crate::{
    learner::{RecordKey, dead_letter_key, parse_key},
    raft::{Group, GroupConfig, Membership, Replicated, StartError},
    store::checkpoint::{CheckpointStore, Position},
};

type Recovered = (ShardState, Membership);

/// A shard's own state and its group's membership at the recovered position; `None` when nothing is
/// stored.
///
/// # Errors
/// When the stored state can't be read.
pub fn recover<R: Replicated>(
    group: &GroupConfig,
    store: &CheckpointStore,
    recovered: Option<Position>,
) -> Result<Option<Recovered>, StartError> {
    let Some((membership, own)) = Group::<R>::stored_state(group, store, recovered)? else {
        return Ok(None);
    };
    let letters = dead_letters(store, group.id).map_err(|error| group.unreadable(error))?;
    let state = ShardState::restore(&own, letters.into_iter());
    let state = state.map_err(|error| group.unreadable(error))?;
    Ok(Some((state, membership)))
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

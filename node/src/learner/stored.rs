//! Learners to records and back.

use homeroom_core::learner::{HourNumber, Learner, StateChange, StateDecodeError, StatePart};

use super::keys::{RecordKey, learner_key, learner_prefix, parse_key};
use crate::store::checkpoint::{CheckpointStore, ReadError};

/// Why a stored learner can't be had.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The store says that what it holds is damaged.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The record is whole, but no learner.
    #[error("learner {user_id:?}: {error}")]
    Undecodable {
        /// Whose record.
        user_id: String,
        /// What is wrong with it.
        error: StateDecodeError,
    },
}

/// A learner as of the last checkpoint; `None` when none is stored. Waits for the disk.
///
/// # Errors
/// When a record is damaged, or written by a newer build.
pub fn load(
    store: &CheckpointStore,
    shard: u16,
    user_id: &str,
) -> Result<Option<Learner>, LoadError> {
    let Some(head) = store.get(shard, &learner_key(user_id, StatePart::Head))? else {
        return Ok(None);
    };
    let prefix = learner_prefix(user_id);
    let mut hours: Vec<(HourNumber, Vec<u8>)> = Vec::new();
    for record in store.scan(shard, &learner_key(user_id, StatePart::Hour(i64::MIN)))? {
        let record = record.map_err(ReadError::Damaged)?;
        if !record.key().starts_with(&prefix) {
            break;
        }
        if let Some(RecordKey::Learner {
            part: StatePart::Hour(number),
            ..
        }) = parse_key(record.key())
        {
            hours.push((number, record.payload().to_vec()));
        }
    }
    let hours = hours.iter().map(|(number, bytes)| (*number, &bytes[..]));
    Learner::restore(user_id, &head, hours)
        .map(Some)
        .map_err(|error| LoadError::Undecodable {
            user_id: user_id.to_owned(),
            error,
        })
}

/// What to write for a learner's changes.
pub fn record_changes(
    user_id: &str,
    changes: Vec<StateChange>,
) -> impl Iterator<Item = (Vec<u8>, Option<Vec<u8>>)> {
    changes
        .into_iter()
        .map(move |change| (learner_key(user_id, change.part), change.bytes))
}

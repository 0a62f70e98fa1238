//! Learners to records and back.

use homeroom_core::learner::{HourNumber, Learner, StateChange, StateDecodeError, StatePart};

use super::{
    Saved,
    keys::{RecordKey, learner_key, learner_prefix, parse_key, standing_key},
};
use crate::store::checkpoint::{Change, CheckpointStore, ReadError};

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

/// A part larger than this is stored in pieces, bytes: within the store's bound of a record.
const PIECE_BYTES: usize = 4 << 20;
/// The first piece begins with the number of pieces, big-endian.
const COUNT_BYTES: usize = 2;

/// A learner as it is stored, with the size of what is always written.
pub struct Stored {
    /// The learner.
    pub learner: Learner,
    /// Size of its head, bytes.
    pub head_bytes: u64,
}

/// A learner as of the last checkpoint; `None` when none is stored. Waits for the disk.
///
/// # Errors
/// When a record is damaged, or written by a newer build.
pub fn load(
    store: &CheckpointStore,
    shard: u16,
    user_id: &str,
) -> Result<Option<Stored>, LoadError> {
    let Some(first) = store.get(shard, &learner_key(user_id, StatePart::Head, 0))? else {
        return Ok(None);
    };
    let (pieces, rest) = counted(&first);
    let mut head = rest.to_vec();
    for piece in 1..pieces {
        let key = learner_key(user_id, StatePart::Head, piece);
        if let Some(bytes) = store.get(shard, &key)? {
            head.extend_from_slice(&bytes);
        }
    }
    let hours = load_hours(store, shard, user_id)?;
    let hours = hours.iter().map(|(number, bytes)| (*number, &bytes[..]));
    let head_bytes = head.len() as u64;
    let learner = Learner::restore(user_id, &head, hours);
    let learner = learner.map_err(|error| LoadError::Undecodable {
        user_id: user_id.to_owned(),
        error,
    })?;
    Ok(Some(Stored {
        learner,
        head_bytes,
    }))
}

fn load_hours(
    store: &CheckpointStore,
    shard: u16,
    user_id: &str,
) -> Result<Vec<(HourNumber, Vec<u8>)>, LoadError> {
    let prefix = learner_prefix(user_id);
    let first = learner_key(user_id, StatePart::Hour(i64::MIN), 0);
    let mut hours: Vec<(HourNumber, Vec<u8>)> = Vec::new();
    let mut pieces_of_last = 0;
    for record in store.scan(shard, &first)? {
        let record = record.map_err(ReadError::Damaged)?;
        if !record.key().starts_with(&prefix) {
            break;
        }
        let Some(RecordKey::Learner {
            part: StatePart::Hour(number),
            piece,
            ..
        }) = parse_key(record.key())
        else {
            continue;
        };
        match hours.last_mut() {
            _ if piece == 0 => {
                let (pieces, bytes) = counted(record.payload());
                pieces_of_last = pieces;
                hours.push((number, bytes.to_vec()));
            }
            // Pieces beyond the count are left over from when the part was larger.
            Some((last, bytes)) if *last == number && piece < pieces_of_last => {
                bytes.extend_from_slice(record.payload());
            }
            _ => {}
        }
    }
    Ok(hours)
}

/// The number of pieces that a first piece begins with, and what follows it.
pub fn counted(first: &[u8]) -> (u16, &[u8]) {
    match first.split_first_chunk::<COUNT_BYTES>() {
        Some((count, rest)) => (u16::from_be_bytes(*count), rest),
        None => (1, first),
    }
}

/// What to write for a learner.
pub fn record_changes(saved: Saved) -> impl Iterator<Item = Change> {
    let Saved {
        user_id,
        changes,
        standings,
    } = saved;
    let standings: Vec<Change> = standings
        .into_iter()
        .map(|(course_id, bytes)| (standing_key(&course_id, &user_id), Some(bytes)))
        .collect();
    changes
        .into_iter()
        .flat_map(move |StateChange { part, bytes }| match bytes {
            None => vec![(learner_key(&user_id, part, 0), None)],
            Some(bytes) => in_pieces(&user_id, part, &bytes),
        })
        .chain(standings)
}

fn in_pieces(user_id: &str, part: StatePart, bytes: &[u8]) -> Vec<Change> {
    let pieces = bytes.chunks(PIECE_BYTES);
    let count = u16::try_from(pieces.len()).unwrap_or(u16::MAX);
    (0..count)
        .zip(pieces)
        .map(|(piece, bytes)| {
            let count = if piece == 0 {
                &count.to_be_bytes()[..]
            } else {
                &[]
            };
            (
                learner_key(user_id, part, piece),
                Some([count, bytes].concat()),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_part_is_stored_in_pieces() {
        let bytes: Vec<u8> = (0..2 * PIECE_BYTES + 5)
            .map(|at| (at % 251) as u8)
            .collect();
        let changes = in_pieces("ada", StatePart::Hour(3), &bytes);
        assert_eq!(changes.len(), 3);
        let payloads: Vec<&Vec<u8>> = changes
            .iter()
            .filter_map(|(_, value)| value.as_ref())
            .collect();
        let (count, first) = counted(payloads[0]);
        assert_eq!(count, 3);
        assert_eq!([first, &payloads[1][..], &payloads[2][..]].concat(), bytes);
    }
}

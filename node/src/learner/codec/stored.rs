//! Restores learners from their records.

use homeroom_core::{
    DecodeError,
    learner::{Learner, RequiredParts, StatePart},
    time::hour_of,
};

use super::{
    first_piece::{FirstPiece, HeadMark},
    keys::{RecordKey, learner_key, learner_prefix, parse_key},
};
use crate::store::checkpoint::{CheckpointStore, ReadError};

/// A stored learner can't be restored.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The record is damaged.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The record is intact, but no learner.
    #[error("learner {user_id:?}: {error}")]
    Undecodable {
        /// The learner's id.
        user_id: String,
        /// What is wrong with the record.
        error: DecodeError,
    },
    /// The record is intact, but no pack of heads.
    #[error("pack {0} of learners' heads is damaged, or written by a newer build")]
    Pack(u32),
    /// A stored record is missing.
    #[error("learner {user_id:?}: the events from {from_ms} on are not where they were stored")]
    Gone {
        /// The learner's id.
        user_id: String,
        /// Start of the block, ms.
        from_ms: i64,
    },
}

/// A stored learner, with the size of what is always written.
pub struct Stored {
    /// The learner.
    pub learner: Learner,
    /// Lower bound of the size of its next head, bytes.
    pub head_bytes: u64,
    /// Whether its stored standings match the head.
    pub standings_stored: bool,
}

impl Stored {
    /// A learner of which nothing is stored.
    pub fn nothing_of(user_id: &str) -> Self {
        Self {
            learner: Learner::new(user_id),
            head_bytes: 0,
            standings_stored: true,
        }
    }
}

/// A stored learner whose records are being read, in the order of their keys.
#[derive(Debug)]
pub struct Gathered {
    user_id: Box<str>,
    pieces: u16,
    mark: HeadMark,
    head: Vec<u8>,
    /// Its other parts, in the order of their keys.
    parts: Vec<(StatePart, Vec<u8>)>,
    /// Number of pieces of the last part.
    part_pieces: u16,
}

impl Gathered {
    /// Begins with a head from a pack.
    pub fn of_packed(user_id: &str, as_of: u64, head: Vec<u8>) -> Self {
        Self {
            user_id: user_id.into(),
            pieces: 0,
            mark: HeadMark {
                as_of,
                standings_stored: false,
            },
            head,
            parts: Vec::new(),
            part_pieces: 0,
        }
    }

    /// Begins with the first piece of a head that has its own record.
    pub fn begin(user_id: &str, piece: &[u8]) -> Self {
        let first = FirstPiece::of(piece);
        Self {
            user_id: user_id.into(),
            pieces: first.pieces,
            mark: first.mark,
            head: first.bytes.to_vec(),
            parts: Vec::new(),
            part_pieces: 0,
        }
    }

    /// The learner's id.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// Whether it was stored while active: its stored standings do not match its head.
    pub fn was_active(&self) -> bool {
        !self.mark.standings_stored
    }

    /// Index of the entry that the head is as of.
    pub fn as_of(&self) -> u64 {
        self.mark.as_of
    }

    /// Adds another piece of the learner.
    pub fn add(&mut self, part: StatePart, piece: u16, payload: &[u8]) {
        // Further pieces are left over from when the part was larger.
        match (part, self.parts.last_mut()) {
            (StatePart::Head, _) if piece < self.pieces => self.head.extend_from_slice(payload),
            (StatePart::Head, _) => {}
            (part, _) if piece == 0 => {
                let first = FirstPiece::of(payload);
                self.part_pieces = first.pieces;
                self.parts.push((part, first.bytes.to_vec()));
            }
            (part, Some((last, bytes))) if *last == part && piece < self.part_pieces => {
                bytes.extend_from_slice(payload);
            }
            _ => {}
        }
    }

    /// Restores what an active learner keeps in memory.
    ///
    /// # Errors
    /// When this build can't decode the records.
    pub fn restore_partial(self) -> Result<Stored, LoadError> {
        let parts = self.parts.iter();
        let parts = parts.map(|(part, bytes)| (*part, &bytes[..]));
        let learner = Learner::restore_partial(&self.user_id, &self.head, parts);
        Ok(Stored {
            learner: learner.map_err(|error| undecodable(&self.user_id, error))?,
            head_bytes: self.head.len() as u64,
            standings_stored: self.mark.standings_stored,
        })
    }

    /// Reads the rest of the head, and the parts required with it.
    fn complete(&mut self, store: &CheckpointStore, shard: u16) -> Result<(), LoadError> {
        for piece in 1..self.pieces {
            let key = learner_key(&self.user_id, StatePart::Head, piece);
            if let Some(payload) = store.get(shard, &key)? {
                self.add(StatePart::Head, piece, &payload);
            }
        }
        let required = Learner::required_parts(&self.head);
        match required.map_err(|error| undecodable(&self.user_id, error))? {
            RequiredParts::All => self.add_all(store, shard),
            RequiredParts::Blocks(begin_ms) => {
                for from_ms in begin_ms {
                    match load_block(store, shard, &self.user_id, from_ms) {
                        Ok(bytes) => self.parts.push((StatePart::Block(from_ms), bytes)),
                        // The block has passed the retention.
                        Err(LoadError::Gone { .. }) => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(())
            }
        }
    }

    /// Reads everything stored besides the head.
    fn add_all(&mut self, store: &CheckpointStore, shard: u16) -> Result<(), LoadError> {
        let prefix = learner_prefix(&self.user_id);
        let from = learner_key(&self.user_id, StatePart::Head, self.pieces.max(1));
        for record in store.scan(shard, &from)? {
            let record = record.map_err(ReadError::Damaged)?;
            if !record.key().starts_with(&prefix) {
                break;
            }
            if let Some(RecordKey::Learner { part, piece, .. }) = parse_key(record.key()) {
                self.add(part, piece, record.payload());
            }
        }
        Ok(())
    }
}

fn undecodable(user_id: &str, error: DecodeError) -> LoadError {
    LoadError::Undecodable {
        user_id: user_id.to_owned(),
        error,
    }
}

/// Restores a learner as of the last checkpoint, with what an active learner keeps in memory;
/// `None` when it is not stored. Waits for the disk.
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
    let mut gathered = Gathered::begin(user_id, &first);
    gathered.complete(store, shard)?;
    gathered.restore_partial().map(Some)
}

/// Reads evicted blocks.
pub trait BlockSource: Send + Sync + 'static {
    /// The stored bytes of the learner's block that begins at a time. Waits for the disk.
    ///
    /// # Errors
    /// When the record is damaged or missing.
    fn block(&self, user_id: &str, from_ms: i64) -> Result<Vec<u8>, LoadError>;
}

/// The stored bytes of the learner's block that begins at a time. Waits for the disk.
///
/// # Errors
/// When the record is damaged or missing.
pub fn load_block(
    store: &CheckpointStore,
    shard: u16,
    user_id: &str,
    from_ms: i64,
) -> Result<Vec<u8>, LoadError> {
    let piece = |piece: u16| {
        let key = learner_key(user_id, StatePart::Block(from_ms), piece);
        store.get(shard, &key)?.ok_or_else(|| LoadError::Gone {
            user_id: user_id.to_owned(),
            from_ms,
        })
    };
    let payload = piece(0)?;
    let first = FirstPiece::of(&payload);
    let mut bytes = first.bytes.to_vec();
    for number in 1..first.pieces {
        bytes.extend_from_slice(&piece(number)?);
    }
    Ok(bytes)
}

/// A source without blocks.
#[cfg(test)]
pub struct NoBlocks;

#[cfg(test)]
impl BlockSource for NoBlocks {
    fn block(&self, user_id: &str, from_ms: i64) -> Result<Vec<u8>, LoadError> {
        let user_id = user_id.to_owned();
        Err(LoadError::Gone { user_id, from_ms })
    }
}

/// Reads blocks that a learner lacks. Waits for the disk.
///
/// # Errors
/// When they can't be read.
pub fn fetch(
    source: &dyn BlockSource,
    learner: &mut Learner,
    blocks: &[i64],
) -> Result<(), LoadError> {
    for &from_ms in blocks {
        let bytes = source.block(learner.user_id(), from_ms)?;
        let read = learner.restore_block(from_ms, &bytes);
        read.map_err(|error| undecodable(learner.user_id(), error))?;
    }
    Ok(())
}

/// The stored bytes of an evicted block; `None` if it was deleted since: it begins before the hour
/// of the present floor. Waits for the disk.
///
/// # Errors
/// When the record is damaged, or missing although it is live.
pub fn live_block(
    source: &dyn BlockSource,
    user_id: &str,
    from_ms: i64,
    floor_ms: impl Fn() -> i64,
) -> Result<Option<Vec<u8>>, LoadError> {
    match source.block(user_id, from_ms) {
        // The floor only rises, and the sweeper deletes by one that was published before.
        Err(LoadError::Gone { .. }) if hour_of(from_ms) < hour_of(floor_ms()) => Ok(None),
        read => read.map(Some),
    }
}

/// Whether a head was stored when its learner was passivated, so that it contains everything needed
/// from before the retention.
pub fn was_passivated(head: &[u8]) -> bool {
    FirstPiece::of(head).mark.standings_stored
}

#[cfg(test)]
#[path = "stored_tests.rs"]
mod tests;

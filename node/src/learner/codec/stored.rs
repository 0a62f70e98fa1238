//! Learners from their records.

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
        error: DecodeError,
    },
    /// The record is whole, but no pack of heads.
    #[error("pack {0} of learners' heads is damaged, or written by a newer build")]
    Pack(u32),
    /// A record is not there that was stored.
    #[error("learner {user_id:?}: the events from {from_ms} on are not where they were stored")]
    Gone {
        /// Whose record.
        user_id: String,
        /// Where the block begins, ms.
        from_ms: i64,
    },
}

/// A learner as it is stored, with the size of what is always written.
pub struct Stored {
    /// The learner.
    pub learner: Learner,
    /// Size of its next head at least, if nothing is added, bytes.
    pub head_bytes: u64,
    /// Whether its stored standings are those of the head.
    pub standings_stored: bool,
}

impl Stored {
    /// One of whom nothing is stored.
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
    /// Pieces of the last of them.
    part_pieces: u16,
}

impl Gathered {
    /// Begins with a head that was in a pack.
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

    /// Begins with the first piece of a learner's head, where that is a record of its own.
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

    /// Whose learner it is.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// Whether it was active when it was stored: its stored standings are not those of its head.
    pub fn was_active(&self) -> bool {
        !self.mark.standings_stored
    }

    /// The index of the entry that the head is as of.
    pub fn as_of(&self) -> u64 {
        self.mark.as_of
    }

    /// Takes in another piece of the learner.
    pub fn add(&mut self, part: StatePart, piece: u16, payload: &[u8]) {
        // Pieces beyond the count are left over from when the part was larger.
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

    /// The learner without what need not be in memory of a learner who is active.
    ///
    /// # Errors
    /// When the records are no learner that this build can read.
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

    /// Reads the rest of its head, and what it needs beside it.
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
                        // Its time was over.
                        Err(LoadError::Gone { .. }) => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(())
            }
        }
    }

    /// Reads all that is stored beside its head.
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

/// A learner as of the last checkpoint, without what need not be in memory; `None` when none is stored. Waits for the disk.
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

/// Where learners' blocks are read again that have left the memory.
pub trait BlockSource: Send + Sync + 'static {
    /// The stored bytes of a learner's block that begins at a time. Waits for the disk.
    ///
    /// # Errors
    /// When the record is damaged, or not there.
    fn block(&self, user_id: &str, from_ms: i64) -> Result<Vec<u8>, LoadError>;
}

/// The stored bytes of a learner's block that begins at a time. Waits for the disk.
///
/// # Errors
/// When the record is damaged, or not there.
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

/// Where nothing is stored.
#[cfg(test)]
pub struct NoBlocks;

#[cfg(test)]
impl BlockSource for NoBlocks {
    fn block(&self, user_id: &str, from_ms: i64) -> Result<Vec<u8>, LoadError> {
        let user_id = user_id.to_owned();
        Err(LoadError::Gone { user_id, from_ms })
    }
}

/// Gives a learner blocks that it lacks. Waits for the disk.
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

/// Gives a learner who is asleep blocks that it lacks, but for those that have been deleted since: they begin before the hour of the floor
/// of now. Waits for the disk.
///
/// # Errors
/// When they can't be read.
pub fn fetch_live(
    source: &dyn BlockSource,
    learner: &mut Learner,
    blocks: &[i64],
    floor_ms: impl Fn() -> i64,
) -> Result<(), LoadError> {
    for from_ms in blocks {
        match fetch(source, learner, std::slice::from_ref(from_ms)) {
            // The floor only rises, and who deletes goes by one that was published before.
            Err(LoadError::Gone { .. }) if hour_of(*from_ms) < hour_of(floor_ms()) => {}
            fetched => fetched?,
        }
    }
    Ok(())
}

/// Whether a head was stored when its learner left the memory, so that nothing of it is needed from before the retention.
pub fn was_passivated(head: &[u8]) -> bool {
    FirstPiece::of(head).mark.standings_stored
}

#[cfg(test)]
#[path = "stored_tests.rs"]
mod tests;

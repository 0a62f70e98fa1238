//! Learners to records and back.

use homeroom_core::learner::{Learner, StateChange, StateDecodeError, StatePart};

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
    /// A record is not there that was stored.
    #[error("learner {user_id:?}: the events from {from_ms} on are not where they were stored")]
    Gone {
        /// Whose record.
        user_id: String,
        /// Where the block begins, ms.
        from_ms: i64,
    },
}

/// A part larger than this is stored in pieces, bytes: within the store's bound of a record.
const PIECE_BYTES: usize = 4 << 20;
/// The first piece begins with the number of pieces, big-endian.
const COUNT_BYTES: usize = 2;
/// Set in the count of a head whose standings were not written with it: nobody saves them as long as their learner is active.
const STANDINGS_BEHIND: u16 = 1 << 15;

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
    standings_stored: bool,
    head: Vec<u8>,
    /// Its other parts, in the order of their keys.
    parts: Vec<(StatePart, Vec<u8>)>,
    /// Pieces of the last of them.
    part_pieces: u16,
}

impl Gathered {
    /// Begins with the first piece of a learner's head.
    pub fn begin(user_id: &str, piece: &[u8]) -> Self {
        let first = FirstPiece::of(piece);
        Self {
            user_id: user_id.into(),
            pieces: first.pieces,
            standings_stored: first.standings_stored,
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
        !self.standings_stored
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

    /// The learner, once all its records were taken in.
    ///
    /// # Errors
    /// When they are no learner that this build can read.
    pub fn finish(self) -> Result<Stored, LoadError> {
        let parts = self.parts.iter();
        let parts = parts.map(|(part, bytes)| (*part, &bytes[..]));
        let learner = Learner::restore(&self.user_id, &self.head, parts);
        // In earlier versions of the head the last of the hours was apart: the next head will hold it.
        let last = self.parts.last();
        let last_hour = last.filter(|(part, _)| matches!(part, StatePart::Hour(_)));
        let last_hour_bytes = last_hour.map_or(0, |(_, bytes)| bytes.len());
        Ok(Stored {
            learner: learner.map_err(|error| undecodable(&self.user_id, error))?,
            head_bytes: (self.head.len() + last_hour_bytes) as u64,
            standings_stored: self.standings_stored,
        })
    }

    fn is_one_record(&self) -> Result<bool, LoadError> {
        let apart = Learner::has_records_apart(&self.head);
        let apart = apart.map_err(|error| undecodable(&self.user_id, error))?;
        Ok(self.pieces <= 1 && !apart)
    }
}

fn undecodable(user_id: &str, error: StateDecodeError) -> LoadError {
    LoadError::Undecodable {
        user_id: user_id.to_owned(),
        error,
    }
}

/// The first piece of a part.
struct FirstPiece<'p> {
    pieces: u16,
    standings_stored: bool,
    bytes: &'p [u8],
}

impl<'p> FirstPiece<'p> {
    fn of(piece: &'p [u8]) -> Self {
        let (count, bytes) = match piece.split_first_chunk::<COUNT_BYTES>() {
            Some((count, bytes)) => (u16::from_be_bytes(*count), bytes),
            None => (1, piece),
        };
        Self {
            pieces: count & !STANDINGS_BEHIND,
            standings_stored: count & STANDINGS_BEHIND == 0,
            bytes,
        }
    }
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
    let mut gathered = Gathered::begin(user_id, &first);
    if !gathered.is_one_record()? {
        let prefix = learner_prefix(user_id);
        for record in store.scan(shard, &learner_key(user_id, StatePart::Head, 1))? {
            let record = record.map_err(ReadError::Damaged)?;
            if !record.key().starts_with(&prefix) {
                break;
            }
            if let Some(RecordKey::Learner { part, piece, .. }) = parse_key(record.key()) {
                gathered.add(part, piece, record.payload());
            }
        }
    }
    gathered.finish().map(Some)
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
pub struct Nowhere;

#[cfg(test)]
impl BlockSource for Nowhere {
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
        let read = learner.put_back(from_ms, &bytes);
        read.map_err(|error| undecodable(learner.user_id(), error))?;
    }
    Ok(())
}

/// Whether a head was stored when its learner left the memory, so that nothing of it is needed from before the retention.
pub fn has_left(head: &[u8]) -> bool {
    FirstPiece::of(head).standings_stored
}

/// What to write for a learner.
pub fn record_changes(saved: Saved) -> impl Iterator<Item = Change> {
    let Saved {
        user_id,
        changes,
        standings,
    } = saved;
    let mark = if standings.is_some() {
        0
    } else {
        STANDINGS_BEHIND
    };
    let standings: Vec<Change> = standings
        .unwrap_or_default()
        .into_iter()
        .map(|(course_id, bytes)| (standing_key(&course_id, &user_id), Some(bytes)))
        .collect();
    changes
        .into_iter()
        .flat_map(move |StateChange { part, bytes }| match bytes {
            None => vec![(learner_key(&user_id, part, 0), None)],
            Some(bytes) if part == StatePart::Head => in_pieces(&user_id, part, &bytes, mark),
            Some(bytes) => in_pieces(&user_id, part, &bytes, 0),
        })
        .chain(standings)
}

fn in_pieces(user_id: &str, part: StatePart, bytes: &[u8], mark: u16) -> Vec<Change> {
    let pieces = bytes.chunks(PIECE_BYTES);
    // A part as large as that would not fit into a checkpoint.
    let count = u16::try_from(pieces.len()).map_or(STANDINGS_BEHIND - 1, |count| count);
    (0..count)
        .zip(pieces)
        .map(|(piece, bytes)| {
            let count = if piece == 0 {
                &(count | mark).to_be_bytes()[..]
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
    use std::sync::Arc;

    use homeroom_core::{Event, EventType, shard::EntryContext, time::HOUR_MS};

    use super::*;

    #[test]
    fn a_large_part_is_stored_in_pieces() {
        let bytes: Vec<u8> = (0..2 * PIECE_BYTES + 5)
            .map(|at| (at % 251) as u8)
            .collect();
        let changes = in_pieces("ada", StatePart::Block(3), &bytes, 0);
        assert_eq!(changes.len(), 3);
        let payloads: Vec<&Vec<u8>> = changes
            .iter()
            .filter_map(|(_, value)| value.as_ref())
            .collect();
        let first = FirstPiece::of(payloads[0]);
        assert_eq!((first.pieces, first.standings_stored), (3, true));
        assert_eq!(
            [first.bytes, &payloads[1][..], &payloads[2][..]].concat(),
            bytes
        );
    }

    fn head_key() -> RecordKey<'static> {
        RecordKey::Learner {
            user_id: "ada",
            part: StatePart::Head,
            piece: 0,
        }
    }

    #[test]
    fn a_head_says_whether_its_standings_are_stored() {
        let mut learner = Learner::new("ada");
        for standings in [None, Some(Vec::new())] {
            let saved = Saved {
                user_id: "ada".into(),
                changes: learner.take_changes(true),
                standings: standings.clone(),
            };
            let changes: Vec<Change> = record_changes(saved).collect();
            let (key, Some(payload)) = &changes[0] else {
                panic!("a head is written")
            };
            let gathered = Gathered::begin("ada", payload);
            assert_eq!(parse_key(key), Some(head_key()));
            assert_eq!(gathered.was_active(), standings.is_none());
            assert!(gathered.is_one_record().expect("a head"));
            assert_eq!(gathered.finish().expect("a learner").learner, learner);
        }
    }

    /// A learner with an event in each of these hours.
    fn with_hours(hours: std::ops::Range<i64>) -> Learner {
        let mut learner = Learner::new("ada");
        for (index, hour) in (1..).zip(hours) {
            let (id, at_ms) = (format!("event-{hour}"), hour * HOUR_MS);
            let event = Event::bare("ada", id, at_ms, EventType::Click, "lms");
            let context = EntryContext {
                block_events: 1,
                index,
                log_time_ms: event.timestamp_ms,
                watermark_ms: event.timestamp_ms,
                floor_ms: 0,
                settings: Arc::default(),
            };
            let mut encoded = Vec::new();
            event.encode_into(&mut encoded);
            let applied = learner.apply(&context, &event, &encoded);
            applied.expect("nothing is away");
        }
        learner
    }

    #[test]
    fn a_learner_is_gathered_from_its_records_in_their_order() {
        let mut learner = with_hours(400_000..400_003);
        let saved = Saved {
            user_id: "ada".into(),
            changes: learner.take_changes(false),
            standings: None,
        };
        let mut changes: Vec<Change> = record_changes(saved).collect();
        changes.sort();
        assert_eq!(changes.len(), 3, "the newest hour is in the head");
        let mut gathered: Option<Gathered> = None;
        for (key, payload) in &changes {
            let payload = payload.as_ref().expect("nothing is deleted");
            match (parse_key(key), &mut gathered) {
                (Some(RecordKey::Learner { part, piece, .. }), Some(gathered)) => {
                    gathered.add(part, piece, payload);
                }
                _ => gathered = Some(Gathered::begin("ada", payload)),
            }
        }
        let gathered = gathered.expect("a head comes first");
        assert!(gathered.was_active() && !gathered.is_one_record().expect("a head"));
        let stored = gathered.finish().expect("a learner");
        assert_eq!(stored.learner, learner);
        let head_bytes = changes[0].1.as_ref().map_or(0, Vec::len) - COUNT_BYTES;
        assert!(stored.head_bytes >= head_bytes as u64);
    }
}

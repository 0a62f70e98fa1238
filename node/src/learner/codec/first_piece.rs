//! The prefix of a learner's stored part: the number of its pieces, and marks of a head.
//!
//! ```text
//! first piece    2 bytes count and marks (big endian), of a head 8 bytes index (big endian), bytes
//! later ones     bytes
//! ```

use homeroom_core::learner::StatePart;

use super::keys::learner_key;
use crate::store::checkpoint::Change;

/// A larger part is stored in pieces of this size, bytes: within the store's bound of a record.
pub(super) const PIECE_BYTES: usize = 4 << 20;
/// Set in the count of a head that was stored without standings: they are not saved while the
/// learner is active.
const STANDINGS_BEHIND: u16 = 1 << 15;
/// Set in the count of a head that is followed by an index. Builds before packs wrote none.
const HAS_INDEX: u16 = 1 << 14;
const COUNT: u16 = HAS_INDEX - 1;

/// The first piece of a part.
pub(super) struct FirstPiece<'p> {
    pub pieces: u16,
    pub mark: HeadMark,
    pub bytes: &'p [u8],
}

/// What is stored of a head besides its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeadMark {
    /// Index of the newest entry applied when it was captured; 0 when unknown.
    pub as_of: u64,
    /// Whether the stored standings match the head.
    pub standings_stored: bool,
}

impl<'p> FirstPiece<'p> {
    /// Parses a piece. A damaged one yields bytes that no learner decodes from.
    pub fn of(piece: &'p [u8]) -> Self {
        let (count, rest) = match piece.split_first_chunk() {
            Some((count, rest)) => (u16::from_be_bytes(*count), rest),
            None => (1, piece),
        };
        let (as_of, bytes) = match rest.split_first_chunk() {
            Some((index, bytes)) if count & HAS_INDEX != 0 => (u64::from_be_bytes(*index), bytes),
            _ => (0, rest),
        };
        Self {
            pieces: count & COUNT,
            mark: HeadMark {
                as_of,
                standings_stored: count & STANDINGS_BEHIND == 0,
            },
            bytes,
        }
    }
}

/// The records of a part. Those of a head contain its mark.
pub(super) fn in_pieces(
    user_id: &str,
    part: StatePart,
    bytes: &[u8],
    mark: Option<HeadMark>,
) -> impl Iterator<Item = Change> {
    let pieces = bytes.chunks(PIECE_BYTES);
    // A part with more pieces would not fit into a checkpoint.
    let count = u16::try_from(pieces.len()).map_or(COUNT, |count| count.min(COUNT));
    (0..count).zip(pieces).map(move |(piece, bytes)| {
        let mut record = Vec::with_capacity(bytes.len() + 10);
        if piece == 0 {
            put_first(&mut record, count, mark);
        }
        record.extend_from_slice(bytes);
        (learner_key(user_id, part, piece), Some(record))
    })
}

fn put_first(record: &mut Vec<u8>, count: u16, mark: Option<HeadMark>) {
    let Some(mark) = mark else {
        return record.extend_from_slice(&count.to_be_bytes());
    };
    let behind = if mark.standings_stored {
        0
    } else {
        STANDINGS_BEHIND
    };
    record.extend_from_slice(&(count | HAS_INDEX | behind).to_be_bytes());
    record.extend_from_slice(&mark.as_of.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_part_is_stored_in_pieces() {
        let bytes: Vec<u8> = (0..2 * PIECE_BYTES + 5)
            .map(|at| (at % 251) as u8)
            .collect();
        for mark in [None, Some((7, true)), Some((8, false))] {
            let mark = mark.map(|(as_of, standings_stored)| HeadMark {
                as_of,
                standings_stored,
            });
            let changes = in_pieces("ada", StatePart::Block(3), &bytes, mark);
            let payloads: Vec<Vec<u8>> = changes.filter_map(|(_, payload)| payload).collect();
            let first = FirstPiece::of(&payloads[0]);
            let unmarked = HeadMark {
                as_of: 0,
                standings_stored: true,
            };
            assert_eq!((first.pieces, first.mark), (3, mark.unwrap_or(unmarked)));
            assert_eq!(
                [first.bytes, &payloads[1][..], &payloads[2][..]].concat(),
                bytes
            );
        }
    }
}

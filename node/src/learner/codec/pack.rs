//! Packs: records with the heads of several active learners, as the build before this one wrote
//! them (ADR 28). A start reads them; the first capture stores each head in its own record.
//!
//! ```text
//! 1 byte version, 8 bytes index; for each head: 2 bytes length, user id, 4 bytes length, head
//! ```
//!
//! Numbers are big endian.

use homeroom_core::learner::StatePart;

use super::{
    first_piece::{HeadMark, in_pieces},
    stored::LoadError,
};
use crate::store::checkpoint::Change;

const VERSION: u8 = 1;

/// A learner's id, and its head.
pub type PackedHead<'p> = (&'p str, &'p [u8]);

/// The index that the heads in a pack are as of, and the heads.
///
/// # Errors
/// When the record is damaged or of an unknown version.
pub fn packed_heads(number: u32, record: &[u8]) -> Result<(u64, Vec<PackedHead<'_>>), LoadError> {
    read(record).ok_or(LoadError::Pack(number))
}

/// The records that store the head of an active learner outside its pack.
pub fn unpacked_head(user_id: &str, as_of: u64, head: &[u8]) -> impl Iterator<Item = Change> {
    let mark = HeadMark {
        as_of,
        standings_stored: false,
    };
    in_pieces(user_id, StatePart::Head, head, Some(mark))
}

fn read(record: &[u8]) -> Option<(u64, Vec<PackedHead<'_>>)> {
    let (&version, rest) = record.split_first()?;
    let (as_of, mut rest) = rest.split_first_chunk()?;
    let mut heads = Vec::new();
    while !rest.is_empty() && version == VERSION {
        let (length, after) = rest.split_first_chunk()?;
        let (user_id, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
        let (length, after) = after.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (head, after) = after.split_at_checked(length)?;
        heads.push((std::str::from_utf8(user_id).ok()?, head));
        rest = after;
    }
    (version == VERSION).then_some((u64::from_be_bytes(*as_of), heads))
}

/// A pack as the build before this one wrote it.
#[cfg(test)]
pub fn pack(as_of: u64, heads: &[PackedHead<'_>]) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&as_of.to_be_bytes());
    for (user_id, head) in heads {
        let [.., high, low] = user_id.len().to_be_bytes();
        bytes.extend_from_slice(&[high, low]);
        bytes.extend_from_slice(user_id.as_bytes());
        bytes.extend_from_slice(&head.len().to_be_bytes()[4..]);
        bytes.extend_from_slice(head);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_holds_the_heads_written_to_it() {
        let heads = vec![("ada", &b"head"[..]), ("bob", &[7; 300])];
        assert_eq!(read(&pack(9, &heads)), Some((9, heads)));
        assert_eq!(read(&pack(9, &[])), Some((9, Vec::new())));
    }

    #[test]
    fn damage_and_newer_versions_are_reported() {
        let bytes = pack(1, &[("ada", b"head")]);
        let header_bytes = pack(1, &[]).len();
        for length in (0..bytes.len()).filter(|length| *length != header_bytes) {
            assert_eq!(read(&bytes[..length]), None, "{length}");
        }
        let newer = [&[VERSION + 1], &bytes[1..]].concat();
        assert_eq!(read(&newer), None);
    }
}

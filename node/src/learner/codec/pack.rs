//! A record that holds the heads of several active learners: to sled a record costs the same, whether it holds one or a dozen.
//!
//! ```text
//! 1 byte version, 8 bytes index, then of each head: 2 bytes length, user id, 4 bytes length, head   (numbers big endian)
//! ```

use crate::store::checkpoint::RECORD_BYTES_CHEAP;

/// What heads in a pack come to, bytes.
const PACK_BYTES: usize = 24 << 10;
const _: () = assert!(PACK_BYTES + PACK_BYTES / 8 < RECORD_BYTES_CHEAP);
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 9;
/// What a head takes in a pack beside its bytes and its learner's id, bytes.
const ENTRY_BYTES: usize = 6;

/// A learner, and its head.
pub type PackedHead<'p> = (&'p str, &'p [u8]);

/// Whether a head is small enough that a pack holds several.
pub(super) fn is_packed(user_id: &str, head: &[u8]) -> bool {
    entry_bytes(user_id, head) <= PACK_BYTES / 2
}

/// Heads on their way into a record.
pub struct Pack {
    bytes: Vec<u8>,
}

impl Pack {
    /// An empty one, of heads as of the entry with an index.
    pub fn new(as_of: u64) -> Self {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + PACK_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(&as_of.to_be_bytes());
        Self { bytes }
    }

    /// Whether it has room for another one.
    pub fn fits(&self, user_id: &str, head: &[u8]) -> bool {
        self.bytes.len() + entry_bytes(user_id, head) <= HEADER_BYTES + PACK_BYTES
    }

    /// Adds one that [`is_packed`].
    pub fn put(&mut self, user_id: &str, head: &[u8]) {
        let [.., high, low] = user_id.len().to_be_bytes();
        self.bytes.extend_from_slice(&[high, low]);
        self.bytes.extend_from_slice(user_id.as_bytes());
        let length = &head.len().to_be_bytes()[4..];
        self.bytes.extend_from_slice(length);
        self.bytes.extend_from_slice(head);
    }

    /// Its record.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The index that the heads of a record are as of, and these; `None` when it is damaged or of an unknown version.
    pub fn read(record: &[u8]) -> Option<(u64, Vec<PackedHead<'_>>)> {
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
}

fn entry_bytes(user_id: &str, head: &[u8]) -> usize {
    ENTRY_BYTES + user_id.len() + head.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_says_what_was_put_into_it() {
        let head = vec![7; PACK_BYTES / 2 - ENTRY_BYTES - 3];
        assert!(is_packed("ada", &head) && !is_packed("adam", &head));
        let mut pack = Pack::new(9);
        for user_id in ["ada", "bob"] {
            assert!(pack.fits(user_id, &head));
            pack.put(user_id, &head);
        }
        assert!(!pack.fits("", b""));
        let bytes = pack.into_bytes();
        let heads = vec![("ada", &head[..]), ("bob", &head[..])];
        assert_eq!(Pack::read(&bytes), Some((9, heads)));
        assert_eq!(
            Pack::read(&Pack::new(9).into_bytes()),
            Some((9, Vec::new()))
        );
    }

    #[test]
    fn damage_and_newer_versions_are_told() {
        let mut pack = Pack::new(1);
        pack.put("ada", b"head");
        let bytes = pack.into_bytes();
        for length in (0..bytes.len()).filter(|length| *length != HEADER_BYTES) {
            assert_eq!(Pack::read(&bytes[..length]), None, "{length}");
        }
        let newer = [&[VERSION + 1], &bytes[1..]].concat();
        assert_eq!(Pack::read(&newer), None);
    }
}

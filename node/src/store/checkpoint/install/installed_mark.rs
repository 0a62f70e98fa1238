//! Positions to which installs moved groups, so that a log that does not reach there yet is not
//! taken for a lost one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::store::checkpoint::position::Position;
use crate::store::checkpoint::store::CheckpointStore;
use crate::store::fields::Fields;
use crate::store::files;
use crate::store::group_id::GroupId;

fn path(folder: &Path, group: GroupId) -> PathBuf {
    folder.join(format!("shard-{group:04}"))
}

/// Notes, durably, that a base of this position is about to become the group's state.
pub(super) fn note(folder: &Path, group: GroupId, position: Position) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut bytes = Vec::with_capacity(Position::ENCODED_BYTES + 4);
    position.encode_into(&mut bytes);
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    files::write_file(&path(folder, group), &bytes)
}

/// A damaged note is none.
fn noted(folder: &Path, group: GroupId) -> Option<Position> {
    let bytes = files::read_file(&path(folder, group)).ok().flatten()?;
    let (position, checksum) = bytes.split_last_chunk::<4>()?;
    if crc32c::crc32c(position) != u32::from_le_bytes(*checksum) {
        return None;
    }
    Position::decode(&mut Fields::new(position))
}

impl CheckpointStore {
    /// Position of the last base that was installed into the group. Its log may end before that:
    /// the process may have ended after the install and before the log was purged.
    pub fn installed(&self, group: GroupId) -> Option<Position> {
        noted(&self.installed, group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_note_counts_and_a_damaged_one_is_none() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("installed");
        assert_eq!(noted(&folder, 3), None);
        for index in [7, 9] {
            let position = Position {
                term: 2,
                node: 1,
                index,
            };
            note(&folder, 3, position).expect("room");
            assert_eq!(noted(&folder, 3), Some(position));
        }
        assert_eq!(noted(&folder, 4), None);
        fs::write(path(&folder, 3), b"rotten").expect("room");
        assert_eq!(noted(&folder, 3), None);
    }
}

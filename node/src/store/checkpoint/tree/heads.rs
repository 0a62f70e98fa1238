//! The positions of the newest durable checkpoints, stored outside sled.
//!
//! A damaged sled file may open without an error at an *earlier* checkpoint, because sled takes
//! damage in its log for a torn tail. This file distinguishes such a state from the newest one. It
//! has one slot per group, rewritten in place:
//!
//! ```text
//! 1 byte state (0 none, 1 some), 24 bytes position,
//! 4 bytes crc32c of the slot's number and those 25 bytes
//! ```
//!
//! A slot with a wrong crc (torn or flipped) is ignored: it neither protects nor harms.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::store::checkpoint::position::Position;
use crate::store::fields::Fields;
use crate::store::files;
use crate::store::group_id::GroupId;

/// A power of two that divides a disk sector, so no slot spans two sectors.
const SLOT_BYTES: usize = 64;
const CHECKED_BYTES: usize = 1 + Position::ENCODED_BYTES;

#[derive(Debug)]
pub(crate) struct Positions {
    file: File,
}

impl Positions {
    /// Opens or creates the file, and reads the slot of each group.
    pub(crate) fn open(path: &Path, groups: u16) -> io::Result<(Positions, Vec<Option<Position>>)> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path)?;
        if let Some(dir) = path.parent() {
            files::sync_dir(dir)?;
        }
        let positions = Positions { file };
        let known = (0..groups)
            .map(|group| positions.read(group))
            .collect::<io::Result<_>>()?;
        Ok((positions, known))
    }

    /// Writes slots; all are durable on return.
    pub(crate) fn write(&self, positions: &[(u16, Option<Position>)]) -> io::Result<()> {
        for (group, position) in positions {
            self.file
                .write_all_at(&encode(*group, position), offset(*group))?;
        }
        self.file.sync_data()
    }

    fn read(&self, group: GroupId) -> io::Result<Option<Position>> {
        let mut slot = [0; SLOT_BYTES];
        match self.file.read_exact_at(&mut slot, offset(group)) {
            Ok(()) => Ok(decode(group, &slot)),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(e) => Err(e),
        }
    }
}

fn offset(group: GroupId) -> u64 {
    u64::from(group) * SLOT_BYTES as u64
}

fn encode(group: GroupId, position: &Option<Position>) -> Vec<u8> {
    let mut slot = Vec::with_capacity(SLOT_BYTES);
    slot.push(u8::from(position.is_some()));
    match position {
        Some(position) => position.encode_into(&mut slot),
        None => slot.resize(CHECKED_BYTES, 0),
    }
    slot.extend_from_slice(&slot_crc(group, &slot).to_le_bytes());
    slot.resize(SLOT_BYTES, 0);
    slot
}

fn decode(group: GroupId, slot: &[u8; SLOT_BYTES]) -> Option<Position> {
    let mut fields = Fields::new(&slot[CHECKED_BYTES..]);
    let crc = fields.u32()?;
    if crc != slot_crc(group, &slot[..CHECKED_BYTES]) {
        // An all-zero slot was never written.
        if slot.iter().any(|byte| *byte != 0) {
            tracing::warn!(
                group,
                "the record of the newest checkpoint's position is unreadable"
            );
        }
        return None;
    }
    let mut fields = Fields::new(slot);
    let state = fields.u8()?;
    let position = Position::decode(&mut fields)?;
    (state == 1).then_some(position)
}

fn slot_crc(group: GroupId, checked: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&group.to_le_bytes()), checked)
}

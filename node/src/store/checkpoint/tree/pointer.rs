//! Which of a group's trees is its current one.
//!
//! A group has one tree, unless an install replaces it: then a new tree with the next *generation*
//! is built beside it, and the group's pointer changes from one to the other. Pointers are records
//! of sled's default tree, so they are lost together with the trees and never point into nothing.
//!
//! ```text
//! key    "tree", 2 bytes group (big endian)
//! value  1 byte version, 4 bytes generation (little endian), 4 bytes crc32c of key and these 5
//! ```
//!
//! A group without a pointer has generation 0, as have all groups of the build before.

use super::sled_guard::{SledFault, guarded};
use super::tree_records::ScanFault;
use crate::store::checkpoint::damage::Damage;
use crate::store::fields::Fields;
use crate::store::group_id::GroupId;

const VERSION: u8 = 1;
const CHECKED_BYTES: usize = 5;

/// Number of a group's trees before this one; never used twice in one sled directory.
pub(crate) type Generation = u32;

/// The name in sled of a group's tree.
pub(crate) fn tree_name(group: GroupId, generation: Generation) -> String {
    match generation {
        0 => format!("shard-{group:04}"),
        _ => format!("shard-{group:04}.{generation}"),
    }
}

/// The generations of all trees of a group.
pub(crate) fn generations(
    db: &sled::Db,
    group: GroupId,
) -> Result<impl Iterator<Item = Generation>, SledFault> {
    let names = guarded(|| Ok(db.tree_names()))?;
    let first = tree_name(group, 0);
    Ok(names.into_iter().filter_map(move |name| {
        let later = std::str::from_utf8(&name).ok()?.strip_prefix(&first)?;
        match later.strip_prefix('.') {
            Some(generation) => generation.parse().ok(),
            None => later.is_empty().then_some(0),
        }
    }))
}

/// The generation of a group's current tree.
pub(crate) fn read(db: &sled::Db, group: GroupId) -> Result<Generation, ScanFault> {
    let key = key(group);
    let stored = guarded(|| db.get(&key)).map_err(ScanFault::Sled)?;
    let decoded = stored.map(|value| decode(&key, &value));
    decoded.map_or(Ok(0), |generation| {
        generation.ok_or(ScanFault::Damage(Damage::PointerMalformed))
    })
}

/// Makes a tree the group's current one; durable with sled's next flush.
pub(crate) fn write(
    db: &sled::Db,
    group: GroupId,
    generation: Generation,
) -> Result<(), SledFault> {
    let key = key(group);
    let mut value = vec![VERSION];
    value.extend_from_slice(&generation.to_le_bytes());
    value.extend_from_slice(&crc(&key, &value).to_le_bytes());
    guarded(|| db.insert(&key, value)).map(drop)
}

fn key(group: GroupId) -> Vec<u8> {
    [&b"tree"[..], &group.to_be_bytes()].concat()
}

fn crc(key: &[u8], checked: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(key), checked)
}

fn decode(key: &[u8], value: &[u8]) -> Option<Generation> {
    let (checked, stored) = value.split_at_checked(CHECKED_BYTES)?;
    if crc(key, checked).to_le_bytes() != stored {
        return None;
    }
    let mut fields = Fields::new(checked);
    (fields.u8()? == VERSION).then_some(fields.u32()?)
}

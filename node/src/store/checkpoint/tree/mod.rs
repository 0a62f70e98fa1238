//! A group's state in sled: records with checksums, commits, scans, and the boundary to sled.
//!
//! Must not know: bases, how a store is opened.

pub(super) mod commit;
pub(super) mod group_tree;
pub(super) mod heads;
pub(super) mod health;
pub(super) mod key_list;
pub(super) mod meta;
pub(super) mod pointer;
pub(super) mod recent_hashes;
pub(super) mod record;
pub(super) mod scan;
pub(super) mod sled_dir;
pub(super) mod sled_guard;
pub(super) mod syncer;
pub(super) mod tree_records;
pub(super) mod tree_slot;

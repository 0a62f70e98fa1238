//! A group's state in sled: records and their checksums, commits and scans, and all that stands
//! between sled and the rest of the node.
//!
//! Must not know: bases, nor how a store is opened.

pub(super) mod commit;
pub(super) mod group_tree;
pub(super) mod heads;
pub(super) mod health;
pub(super) mod key_list;
pub(super) mod meta;
pub(super) mod recent_hashes;
pub(super) mod record;
pub(super) mod scan;
pub(super) mod sled_dir;
pub(super) mod sled_guard;
pub(super) mod syncer;

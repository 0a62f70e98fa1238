//! The log's state in memory: the index of each group, the cached payloads, and the engine without
//! files.

pub(super) mod cache_window;
pub(super) mod file_group;
pub(super) mod group_log;
mod memory_disk;
pub(super) mod memory_log;

//! What the log keeps in memory: each group's index, the payloads written last, and the engine that
//! has no files at all.

pub(super) mod cache_window;
pub(super) mod file_group;
pub(super) mod group_log;
pub(super) mod memory_log;

//! Settings of a checkpoint store.

use std::time::Duration;

use crate::store::checkpoint::tree::commit::COMMIT_BYTES_MAX;

/// Options of an open. The defaults suit a node with a million learners.
#[derive(Debug, Clone)]
pub struct CheckpointOptions {
    /// Size of sled's page cache in bytes, at least 1 MiB. sled exceeds it under many writes.
    pub cache_bytes: u64,
    /// Threads that verify and rebuild, 1 to 8.
    pub recovery_threads: usize,
    /// Time without any progress after which an open, or the flush of a commit, is given up as
    /// stuck. Opening sled itself shows no progress (about 1.3 s per GB, more on a busy disk), so
    /// this limits its whole duration.
    pub stall_limit: Duration,
    /// Bytes of keys and payloads that an install or a rebuild writes before it flushes or shows
    /// progress, at least 4 KiB.
    pub import_part_bytes: usize,
    /// Most bytes of keys, payloads and meta in one commit; a larger one is refused.
    pub commit_bytes_max: usize,
}

impl Default for CheckpointOptions {
    fn default() -> Self {
        CheckpointOptions {
            cache_bytes: 128 * 1024 * 1024,
            recovery_threads: 2,
            stall_limit: Duration::from_secs(120),
            import_part_bytes: 4 * 1024 * 1024,
            commit_bytes_max: COMMIT_BYTES_MAX,
        }
    }
}

impl CheckpointOptions {
    /// The options with each value clamped to its bounds.
    pub(crate) fn bounded(&self) -> CheckpointOptions {
        CheckpointOptions {
            cache_bytes: self.cache_bytes.max(1024 * 1024),
            recovery_threads: self.recovery_threads.clamp(1, 8),
            stall_limit: self.stall_limit.max(Duration::from_millis(100)),
            import_part_bytes: self.import_part_bytes.max(4 * 1024),
            commit_bytes_max: self.commit_bytes_max,
        }
    }
}

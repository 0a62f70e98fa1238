//! Settings of a checkpoint store.

use std::time::Duration;

/// How a store is opened. The defaults suit a node with a million learners.
#[derive(Debug, Clone)]
pub struct CheckpointOptions {
    /// Bytes of sled's page cache, at least 1 MiB. sled exceeds it while much is written.
    pub cache_bytes: u64,
    /// Threads that verify and rebuild at a start, 1 to 8.
    pub recovery_threads: usize,
    /// How long a start, or the flush of a commit, may make no progress at all before it is given
    /// up as stuck. Opening sled itself shows no progress (about 1.3 s per GB, more on a busy
    /// disk), so this bounds that as a whole.
    pub stall_limit: Duration,
}

impl Default for CheckpointOptions {
    fn default() -> Self {
        CheckpointOptions {
            cache_bytes: 128 * 1024 * 1024,
            recovery_threads: 2,
            stall_limit: Duration::from_secs(120),
        }
    }
}

impl CheckpointOptions {
    /// The settings with each value brought within its bounds.
    pub(crate) fn bounded(&self) -> CheckpointOptions {
        CheckpointOptions {
            cache_bytes: self.cache_bytes.max(1024 * 1024),
            recovery_threads: self.recovery_threads.clamp(1, 8),
            stall_limit: self.stall_limit.max(Duration::from_millis(100)),
        }
    }
}

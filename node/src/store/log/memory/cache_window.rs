//! Chooses the entries whose payload stays in memory: the newest ones, up to a number of bytes.

use std::collections::VecDeque;
use std::sync::Arc;

use super::file_group::FileGroup;

/// Memory counted per entry on top of its record, so that many tiny entries are bounded too.
const ENTRY_OVERHEAD_BYTES: u64 = 128;

/// The newest entries of all groups, oldest first. Owned by the writer thread.
///
/// Entries that were purged or truncated stay counted until they are the oldest. So the window
/// bounds memory, but may hold less than its size.
#[derive(Debug)]
pub(crate) struct CacheWindow {
    entries: VecDeque<Cached>,
    bytes: u64,
    bytes_max: u64,
}

#[derive(Debug)]
struct Cached {
    group: Arc<FileGroup>,
    seq: u64,
    index: u64,
    bytes: u64,
}

impl CacheWindow {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self {
            entries: VecDeque::new(),
            bytes: 0,
            bytes_max,
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds an entry that was just written, and evicts the oldest entries beyond the limit.
    pub(crate) fn push(&mut self, group: &Arc<FileGroup>, seq: u64, index: u64, record_bytes: u32) {
        let bytes = u64::from(record_bytes) + ENTRY_OVERHEAD_BYTES;
        self.entries.push_back(Cached {
            group: Arc::clone(group),
            seq,
            index,
            bytes,
        });
        self.bytes += bytes;
        while self.bytes > self.bytes_max
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes -= oldest.bytes;
            oldest.group.evict(oldest.seq, oldest.index);
        }
    }
}

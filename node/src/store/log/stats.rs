//! Counters and gauges of a running log, cheap to read at any time.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters and gauges of a running log. Counters begin at 0 when the log is opened.
#[derive(Debug, Default)]
pub struct LogStats {
    appended_bytes: AtomicU64,
    appended_entries: AtomicU64,
    fsyncs: AtomicU64,
    cached_bytes: AtomicU64,
    segments: AtomicU64,
    disk_bytes: AtomicU64,
    live_bytes: AtomicU64,
}

macro_rules! figures {
    ($($(#[$doc:meta])* $name:ident)*) => {
        impl LogStats {
            $($(#[$doc])* pub fn $name(&self) -> u64 {
                self.$name.load(Ordering::Relaxed)
            })*
        }
    };
}

figures! {
    /// Counter: bytes of all records made durable.
    appended_bytes
    /// Counter: entries made durable.
    appended_entries
    /// Counter: fdatasync calls for write batches.
    fsyncs
    /// Gauge: bytes of written entries kept in memory for readers.
    cached_bytes
    /// Gauge: segment files.
    segments
    /// Gauge: bytes of the segment files.
    disk_bytes
    /// Gauge: bytes of the records of live entries in them.
    live_bytes
}

impl LogStats {
    pub(super) fn synced(&self, bytes: u64, entries: u64) {
        self.appended_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.appended_entries.fetch_add(entries, Ordering::Relaxed);
        self.fsyncs.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn set_cached(&self, bytes: u64) {
        self.cached_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn set_segments(&self, segments: u64, disk_bytes: u64, live_bytes: u64) {
        self.segments.store(segments, Ordering::Relaxed);
        self.disk_bytes.store(disk_bytes, Ordering::Relaxed);
        self.live_bytes.store(live_bytes, Ordering::Relaxed);
    }
}

//! Configuration of a file log, and its hooks.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::error::OpenError;

/// Directory and limits of a file log.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// The log's own directory; created when missing.
    pub dir: PathBuf,
    /// Size at which a segment is closed. Default 64 MiB; 4 KiB to 1 GiB.
    pub segment_bytes: u64,
    /// Bytes that may wait for the writer thread before callers wait. Default 32 MiB; 4 KiB to 1
    /// GiB.
    pub queue_bytes: u64,
    /// Bytes of the newest entries that stay in memory for readers. Default 64 MiB; at most 64 GiB.
    pub cache_bytes: u64,
    /// Size of the active segment at which the next segment's file is preallocated. A value above
    /// `segment_bytes` turns preallocation off. Default 1 MiB.
    pub preallocate_from_bytes: u64,
}

impl LogConfig {
    /// The defaults, for a log in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            segment_bytes: 64 << 20,
            queue_bytes: 32 << 20,
            cache_bytes: 64 << 20,
            preallocate_from_bytes: 1 << 20,
        }
    }

    pub(super) fn check(&self) -> Result<(), OpenError> {
        let bounds = [
            ("segment_bytes", self.segment_bytes, 4 << 10, 1 << 30),
            ("queue_bytes", self.queue_bytes, 4 << 10, 1 << 30),
            ("cache_bytes", self.cache_bytes, 0, 64 << 30),
        ];
        for (setting, found, min, max) in bounds {
            if !(min..=max).contains(&found) {
                return Err(OpenError::Config {
                    setting,
                    found,
                    min,
                    max,
                });
            }
        }
        Ok(())
    }
}

/// Called with the error of the write or fsync that failed. The content of the disk is unknown from
/// then on: the handler must stop the process and must not retry. Runs on the log's writer thread,
/// before the waiting completions get their errors, or on the thread that makes the mark durable.
pub type FatalHandler = Arc<dyn Fn(&io::Error) + Send + Sync>;

/// Callbacks of the log. Each runs on the writer thread and blocks all writes until it returns.
#[derive(Clone)]
pub struct LogHooks {
    /// Called when the log has failed.
    pub fatal: FatalHandler,
    /// Called with the duration of each fdatasync.
    pub fsynced: Option<Arc<dyn Fn(Duration) + Send + Sync>>,
    /// Called with the time that each write took from its hand-over until it was durable.
    pub appended: Option<Arc<dyn Fn(Duration) + Send + Sync>>,
    /// Fault injection: called before each fdatasync; an error counts as the disk's.
    pub sync_fault: Option<Arc<dyn Fn() -> io::Result<()> + Send + Sync>>,
}

impl LogHooks {
    /// Only a fatal handler.
    pub fn new(fatal: FatalHandler) -> Self {
        Self {
            fatal,
            fsynced: None,
            appended: None,
            sync_fault: None,
        }
    }
}

impl fmt::Debug for LogHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogHooks").finish_non_exhaustive()
    }
}

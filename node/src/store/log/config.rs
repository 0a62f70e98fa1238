//! How a file log is set up.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::error::OpenError;

/// Where the log lies and how much it may take.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// The log's own directory; created when missing.
    pub dir: PathBuf,
    /// A segment is closed once it holds so many bytes. Default 64 MiB; 4 KiB to 1 GiB.
    pub segment_bytes: u64,
    /// Bytes that may wait for the writer before callers wait. Default 32 MiB; 4 KiB to 1 GiB.
    pub queue_bytes: u64,
    /// Bytes of the entries written last that are kept in memory for readers. Default 64 MiB; up to
    /// 64 GiB.
    pub cache_bytes: u64,
    /// Once a segment holds so many bytes, the file of the next one is filled with zeros ahead; beyond
    /// the size of a segment: never. Default 1 MiB.
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

/// Called, once, with the error of a write or fsync that failed. What is on disk is unknown from
/// then on: the handler must see to it that the process stops, and must not retry. It runs on the
/// log's writer thread, before the waiting completions get their errors.
pub type FatalHandler = Arc<dyn Fn(&io::Error) + Send + Sync>;

/// What the log calls back. Every hook runs on the writer thread and holds up all writes until it
/// returns.
#[derive(Clone)]
pub struct LogHooks {
    /// Told when the log has failed.
    pub fatal: FatalHandler,
    /// Told how long each fdatasync took.
    pub fsynced: Option<Arc<dyn Fn(Duration) + Send + Sync>>,
    /// Told how long each write waited from its hand-over until it was durable.
    pub appended: Option<Arc<dyn Fn(Duration) + Send + Sync>>,
    /// For fault injection: asked before each fdatasync; an error is taken for the disk's.
    pub sync_fault: Option<Arc<dyn Fn() -> io::Result<()> + Send + Sync>>,
}

impl LogHooks {
    /// Hooks with nothing but a fatal handler.
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

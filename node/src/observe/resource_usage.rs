//! The resources of a node, and their use at one moment.

use std::{io, path::Path, sync::Arc, time::Duration};

/// The used part of a bounded resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fill {
    /// In use, bytes.
    pub used_bytes: u64,
    /// The bound, bytes.
    pub max_bytes: u64,
}

/// The file system of the data folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    /// Space that the node may still write, bytes.
    pub free_bytes: u64,
    /// Its size, bytes.
    pub size_bytes: u64,
}

/// The resources of a node, and their use.
#[derive(Clone, Debug)]
pub struct ResourceUsage {
    /// The file system of the data folder, or why it can't be read.
    pub disk: Result<DiskSpace, String>,
    /// Events that wait to become applied log entries.
    pub ingest_queue: Fill,
    /// Writes that wait for the log's writer.
    pub log_queue: Fill,
    /// Active learners.
    pub memory: Fill,
    /// Whether events must wait, since idle learners take too much memory.
    pub memory_is_pressed: bool,
    /// Time between two checkpoints of a group, as configured.
    pub checkpoint_interval: Duration,
    /// Bases that were found damaged and put aside since the start.
    pub bases_rejected: u64,
    /// How often the store waited for file handles or memory since the start.
    pub store_waits: u64,
    /// Whether it waits now.
    pub store_is_waiting: bool,
}

/// Reads the resource usage: a few reads of memory, and one system call.
pub type ReadResourceUsage = Arc<dyn Fn() -> ResourceUsage + Send + Sync>;

impl Fill {
    /// The used share, from 0; above 1 if the bound is exceeded.
    pub fn share(self) -> f64 {
        if self.max_bytes == 0 {
            return 0.0;
        }
        self.used_bytes as f64 / self.max_bytes as f64
    }
}

impl DiskSpace {
    /// The space of the file system that contains `path`.
    ///
    /// # Errors
    /// When the system call fails.
    pub fn of(path: &Path) -> io::Result<Self> {
        let found = rustix::fs::statvfs(path)?;
        Ok(Self {
            // Without the blocks that are reserved for the administrator.
            free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
            size_bytes: found.f_blocks.saturating_mul(found.f_frsize),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_lies_on_a_disk() {
        let space = DiskSpace::of(&std::env::temp_dir()).expect("a file system");
        assert!(space.size_bytes > 0 && space.free_bytes <= space.size_bytes);
        assert!(DiskSpace::of(Path::new("/no/such/folder")).is_err());
    }

    #[test]
    fn a_bound_may_be_exceeded() {
        let fill = |used_bytes, max_bytes| Fill {
            used_bytes,
            max_bytes,
        };
        assert_eq!(fill(3, 2).share(), 1.5);
        assert_eq!(fill(3, 0).share(), 0.0);
    }
}

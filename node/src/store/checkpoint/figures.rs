//! Figures for metrics.

use super::tree::commit::CommitFigures;

/// What a store takes and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFigures {
    /// Bytes of sled's files on disk.
    pub sled_bytes: u64,
    /// Bytes of all bases on disk.
    pub base_bytes: u64,
    /// Bytes of quarantined directories on disk.
    pub quarantine_bytes: u64,
    /// Durable commits since the open.
    pub commits: u64,
    /// The last durable commit of any group.
    pub last_commit: Option<CommitFigures>,
    /// No commit or read succeeds any more until a restart.
    pub out_of_use: bool,
}

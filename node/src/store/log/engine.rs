//! What every log engine does: the file engine of a node, and its twin in memory for simulation.

use std::fmt;
use std::io;
use std::ops::Range;

use super::budget::{ByteBudget, QueuePermit};
use super::entry::{GroupId, GroupState, GroupUsage, LogEntry, Position, Vote};
use super::error::{AppendError, ReadError, WriteRefused};
use super::format::headers;

/// Called once a write is durable, or has failed. It runs on the log's writer thread and holds up
/// every group's writes until it returns, so it must only pass the news on; it may be called before
/// the write's method returns.
pub type Completion = Box<dyn FnOnce(io::Result<()>) + Send>;

/// Room, in bytes, that a write without entries takes from the budget.
pub const CONTROL_BYTES: u64 = 128;

/// Room, in bytes, that an append takes from the budget.
pub fn append_bytes(entries: &[LogEntry]) -> u64 {
    CONTROL_BYTES
        + entries
            .iter()
            .map(|entry| headers::entry_record_len(entry.payload.len()))
            .sum::<u64>()
}

/// A log shared by many Raft groups.
///
/// Writes become durable in the order of the calls, over all groups. A group has one writer at a
/// time; readers as many as they like. Writing takes a permit from [`budget`](Self::budget) first:
/// that bounds what waits in memory, and is the only place where a writer waits. The methods
/// themselves take short locks and never wait for the disk, except [`read`](Self::read).
pub trait LogEngine: fmt::Debug + Send + Sync + 'static {
    /// Where a permit for a write comes from: [`append_bytes`] for an append, [`CONTROL_BYTES`] for
    /// any other.
    fn budget(&self) -> &ByteBudget;

    /// Appends entries to a group. They are readable on return, and durable when `done` is called
    /// with `Ok`.
    ///
    /// A group without entries takes any first index when nothing was ever purged from it; else the
    /// entries must follow without a gap: on the last one, or on the purged position. When this
    /// fails `done` is not called.
    fn append(
        &self,
        group: GroupId,
        entries: Vec<LogEntry>,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), AppendError>;

    /// Saves a group's vote; it is durable when `done` is called with `Ok`. When this fails `done`
    /// is not called.
    fn save_vote(
        &self,
        group: GroupId,
        vote: Vote,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), WriteRefused>;

    /// Notes a group's committed position. It is written along with whatever is written next, so a
    /// crash may bring an older one back.
    fn save_committed(
        &self,
        group: GroupId,
        committed: Option<Position>,
    ) -> Result<(), WriteRefused>;

    /// Drops all entries after `keep`, or all of them. Durable before any later write is.
    fn truncate_after(
        &self,
        group: GroupId,
        keep: Option<Position>,
        permit: QueuePermit,
    ) -> Result<(), WriteRefused>;

    /// Drops all entries up to `upto`, inclusive, which may lie beyond the last one. Durable before
    /// any later write is.
    fn purge(
        &self,
        group: GroupId,
        upto: Position,
        permit: QueuePermit,
    ) -> Result<(), WriteRefused>;

    /// Forgets a group and all it holds; done for good when `done` is called with `Ok`. When this
    /// fails `done` is not called.
    fn remove_group(
        &self,
        group: GroupId,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), WriteRefused>;

    /// Reads the entries present within `range`, in order and without holes, as they are at the
    /// call.
    ///
    /// Stops once the payloads exceed `bytes_max`, but not before the first entry. Waits for the
    /// disk unless [`is_resident`](Self::is_resident).
    fn read(
        &self,
        group: GroupId,
        range: Range<u64>,
        bytes_max: u64,
    ) -> Result<Vec<LogEntry>, ReadError>;

    /// Whether a [`read`](Self::read) of the same would be answered from memory.
    fn is_resident(&self, group: GroupId, range: Range<u64>) -> bool;

    /// The group's state; the default one for a group never seen.
    fn state(&self, group: GroupId) -> GroupState;

    /// What the group's live entries cost.
    fn usage(&self, group: GroupId) -> GroupUsage;

    /// Bytes of the records of the group's live entries from `index` on.
    fn bytes_since(&self, group: GroupId, index: u64) -> u64;

    /// All groups the log holds something of, in order.
    fn groups(&self) -> Vec<GroupId>;
}

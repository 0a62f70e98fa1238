//! The trait of a log: implemented by the node's file log and by a log in memory for simulation.

use std::fmt;
use std::io;
use std::ops::Range;

use super::budget::{ByteBudget, QueuePermit};
use super::entry::{GroupId, GroupState, GroupUsage, LogEntry, Position, Vote};
use super::error::{AppendError, ReadError, WriteRefused};
use super::format::headers;
use super::segments::table::SegmentUsage;

/// Called once a write is durable or has failed. Runs on the log's writer thread and blocks the
/// writes of every group until it returns, so it must do no more than send a message. May be called
/// before the write's method returns.
pub type Completion = Box<dyn FnOnce(io::Result<()>) + Send>;

/// Budget, in bytes, of a write without entries.
pub const CONTROL_BYTES: u64 = 128;

/// Size of [`LogEngine::control_budget`]: 2,048 control writes of all groups together.
pub(super) const CONTROL_BUDGET_BYTES: u32 = 2048 * CONTROL_BYTES as u32;

/// Budget, in bytes, of an append.
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
/// time and any number of readers. A write first takes a permit, an append from
/// [`budget`](Self::budget), any other from [`control_budget`](Self::control_budget): that bounds
/// the memory of waiting writes, and it is the only place where a writer waits. The methods
/// themselves take short locks and never wait for the disk, except [`read`](Self::read).
pub trait LogEngine: fmt::Debug + Send + Sync + 'static {
    /// Source of the permits of appends: [`append_bytes`] for each.
    fn budget(&self) -> &ByteBudget;

    /// Source of the permits of all other writes (votes, truncations, purges, removals, barriers):
    /// [`CONTROL_BYTES`] for each. Apart from [`budget`](Self::budget), so that a queue full of
    /// entries keeps no vote from being handed over.
    fn control_budget(&self) -> &ByteBudget;

    /// Appends entries to a group. They are readable on return, and durable when `done` is called
    /// with `Ok`.
    ///
    /// The first append to a group that was never purged may begin at any index. Otherwise the
    /// entries must follow the last entry, or the purged position, without a gap.
    ///
    /// # Errors
    /// When the entries do not fit or the log takes no writes; `done` is not called then.
    fn append(
        &self,
        group: GroupId,
        entries: Vec<LogEntry>,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), AppendError>;

    /// Saves a group's vote; durable when `done` is called with `Ok`.
    ///
    /// # Errors
    /// When the log takes no writes; `done` is not called then.
    fn save_vote(
        &self,
        group: GroupId,
        vote: Vote,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), WriteRefused>;

    /// Records a group's committed position. It is written together with the next write, so after a
    /// crash an older position may be read.
    fn save_committed(
        &self,
        group: GroupId,
        committed: Option<Position>,
    ) -> Result<(), WriteRefused>;

    /// Removes all entries after `keep`, or all entries. Durable before any later write.
    fn truncate_after(
        &self,
        group: GroupId,
        keep: Option<Position>,
        permit: QueuePermit,
    ) -> Result<(), WriteRefused>;

    /// Removes all entries up to `upto`, inclusive; `upto` may be beyond the last entry. Durable
    /// before any later write.
    fn purge(
        &self,
        group: GroupId,
        upto: Position,
        permit: QueuePermit,
    ) -> Result<(), WriteRefused>;

    /// Removes a group with everything it stored; durable when `done` is called with `Ok`.
    ///
    /// # Errors
    /// When the log takes no writes; `done` is not called then.
    fn remove_group(
        &self,
        group: GroupId,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), WriteRefused>;

    /// Calls `done` with `Ok` once every write of the group that was handed over before is durable.
    /// Writes no record. If nothing waits for the disk, there is no fdatasync either, and `done`
    /// may be called before this method returns.
    ///
    /// # Errors
    /// When the log takes no writes; `done` is not called then.
    fn barrier(
        &self,
        group: GroupId,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), WriteRefused>;

    /// Reads the entries that are present within `range` at the time of the call, in order and
    /// without gaps.
    ///
    /// Stops before the records exceed `bytes_max`, but always returns the first entry. Waits for
    /// the disk unless [`is_resident`](Self::is_resident).
    fn read(
        &self,
        group: GroupId,
        range: Range<u64>,
        bytes_max: u64,
    ) -> Result<Vec<LogEntry>, ReadError>;

    /// Whether [`read`](Self::read) of this range would be answered from memory.
    fn is_resident(&self, group: GroupId, range: Range<u64>) -> bool;

    /// The group's state; the default state for an unknown group.
    fn state(&self, group: GroupId) -> GroupState;

    /// Entries and bytes that the group's live entries take.
    fn usage(&self, group: GroupId) -> GroupUsage;

    /// All segments, oldest first; none if the log has no segments.
    fn segments(&self) -> Vec<SegmentUsage>;

    /// All groups that have something in the log, in ascending order.
    fn groups(&self) -> Vec<GroupId>;
}

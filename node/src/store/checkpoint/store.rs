//! The checkpoint store.

use std::fs::File;
use std::io;
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::bases::{BaseError, BaseInfo, Throttle};
use super::damage::Damaged;
use super::position::Position;
use super::read_error::{CutError, ReadError};
use super::stored_group::{Stage, StoredGroup};
use super::tree::commit::{Commit, CommitError, CommitFigures};
use super::tree::group_tree::Summary;
use super::tree::health::Health;
use super::tree::meta::GroupMeta;
use super::tree::record::Payload;
use super::tree::scan::Scan;
use super::tree::sled_guard::{SledFault, guarded};
use super::tree::syncer::{SyncError, Syncer};
use super::tree::tree_records::ScanFault;
use crate::store::group_id::GroupId;

/// The newest checkpoints of a node's groups, and their bases; see the module's documentation.
///
/// All methods block, on the disk and on each other, and may be called from any thread.
pub struct CheckpointStore {
    pub(super) cluster_id: Vec<u8>,
    /// Folder of the bases that are being received.
    pub(super) incoming: PathBuf,
    /// Folder of the notes of installs.
    pub(super) installed: PathBuf,
    pub(super) groups: Vec<Arc<StoredGroup>>,
    /// Groups whose recovery has not ended, and what ends with the last one.
    pub(super) unrecovered: Mutex<Unrecovered>,
    pub(super) syncer: Syncer,
    pub(super) health: Arc<Health>,
    /// A larger commit is refused, bytes.
    pub(super) commit_bytes_max: usize,
    /// Bytes that an install writes between two flushes.
    pub(super) import_part_bytes: usize,
    /// Time without progress after which a recovery is given up.
    pub(super) stall_limit: Duration,
    /// Holds the lock on the store's directory, also for work that was given up.
    pub(super) lock: Arc<File>,
}

/// What is left of an open.
pub(super) struct Unrecovered {
    pub(super) groups: usize,
    /// Whether sled's directory is new: it is valid once all groups are in it.
    pub(super) is_rebuild: bool,
    /// Whether the end of the open is noted on disk.
    pub(super) is_ended: bool,
}

impl CheckpointStore {
    /// Makes a group's next checkpoint durable: changes and position, all or nothing.
    ///
    /// Returns after the fsync. Until then reads of *changed* records may return old or new values.
    /// Commits of different groups share their fsyncs. While the changes go into the tree, reads of
    /// all groups wait, because sled has one lock for them: prefer several commits at later
    /// positions to a large one.
    pub fn commit(&self, group: GroupId, commit: Commit) -> Result<CommitFigures, CommitError> {
        let begun = Instant::now();
        let stored = self.group(group).ok_or(CommitError::NoSuchGroup(group))?;
        let bytes = commit.checked_bytes(self.commit_bytes_max)?;
        let mut current = stored.current.lock();
        self.health.check(group)?;
        let summary = current.recovered();
        let summary = summary.ok_or(CommitError::NotRecovered(group))?;
        check_ahead(summary, commit.position)?;
        let tree = stored.tree.current();
        let prepared = tree.prepare(summary, commit);
        let prepared = prepared.inspect_err(|e| self.health.condemn(&e.to_string()))?;
        let position = prepared.summary.position;
        tree.apply(prepared.batch)
            .map_err(|fault| self.apply_failed(group, fault))?;
        let synced = self.syncer.make_durable(group, Some(position));
        synced.map_err(|e| self.sync_failed(group, e))?;
        *current = Stage::Recovered(Some(prepared.summary));
        stored.changed.lock().note(&prepared.keys);
        *stored.position.write() = Some(position);
        Ok(CommitFigures {
            duration: begun.elapsed(),
            records: prepared.records,
            bytes,
        })
    }

    /// The payload under `key`, verified.
    pub fn get(&self, group: GroupId, key: &[u8]) -> Result<Option<Payload>, ReadError> {
        let payload = self.readable(group)?.tree.current().get(key);
        Ok(payload.map_err(|fault| self.read_failed(group, fault))?)
    }

    /// The records with keys ≥ `from`, in key order; all records for an empty `from`.
    pub fn scan(&self, group: GroupId, from: &[u8]) -> Result<Scan<'_>, ReadError> {
        let tree = self.readable(group)?.tree.current();
        Ok(Scan::new(tree, from, &self.health))
    }

    /// The position of the last durable commit; `None` before the first. Before the group's
    /// recovery that which was found by the open. Does not wait for a commit in progress.
    pub fn position(&self, group: GroupId) -> Result<Option<Position>, ReadError> {
        let stored = self.group(group).ok_or(ReadError::NoSuchGroup(group))?;
        Ok(*stored.position.read())
    }

    /// Position, digest and caller's bytes of the last commit. Waits for a commit in progress.
    pub fn meta(&self, group: GroupId) -> Result<Option<GroupMeta>, ReadError> {
        let stored = self.readable(group)?;
        let _unchanging = stored.current.lock();
        let meta = stored.tree.current().meta();
        Ok(meta.map_err(|fault| self.read_failed(group, fault))?)
    }

    /// As [`Self::meta`], and before the group's recovery that which was found by the open.
    pub fn known_meta(&self, group: GroupId) -> Result<Option<GroupMeta>, ReadError> {
        let stored = self.group(group).ok_or(ReadError::NoSuchGroup(group))?;
        if let Stage::Found(found) = &*stored.current.lock() {
            return Ok(found.meta.clone());
        }
        self.meta(group)
    }

    /// The group's bases, newest first.
    pub fn bases(&self, group: GroupId) -> Result<Vec<BaseInfo>, ReadError> {
        let stored = self.group(group).ok_or(ReadError::NoSuchGroup(group))?;
        Ok(stored.bases.list())
    }

    /// The position up to which the group's log may be purged: that of the older of two bases.
    /// `None` while there are fewer, and nothing may be purged.
    pub fn older_base_position(&self, group: GroupId) -> Result<Option<Position>, ReadError> {
        let stored = self.group(group).ok_or(ReadError::NoSuchGroup(group))?;
        Ok(stored.bases.older_position())
    }

    /// The newest base whose meta bytes can be read, with these bytes. A damaged base is set aside,
    /// and the next one is tried.
    pub fn newest_base(&self, group: GroupId) -> Result<Option<(BaseInfo, Vec<u8>)>, CutError> {
        let stored = self.group(group).ok_or(CutError::NoSuchGroup(group))?;
        Ok(stored.bases.newest()?)
    }

    /// Reads the group's bases to the end, at a limited rate. Invalid ones are set aside and
    /// returned. Call it regularly: bases are otherwise read only when they are needed.
    pub fn scrub_bases(
        &self,
        group: GroupId,
        throttle: &Throttle,
    ) -> Result<Vec<(BaseInfo, BaseError)>, CutError> {
        let stored = self.group(group).ok_or(CutError::NoSuchGroup(group))?;
        Ok(stored.bases.scrub(throttle)?)
    }

    /// Marks one of the group's bases as useless to the caller: the log does not reach back to it.
    pub fn mark_base_lost(&self, group: GroupId) {
        if let Some(stored) = self.group(group) {
            stored.bases.mark_lost();
        }
    }

    /// Number of bases of all groups that were set aside since the open.
    pub fn rejected_bases(&self) -> u64 {
        self.groups
            .iter()
            .map(|stored| stored.bases.rejected())
            .sum()
    }

    /// Whether one of the group's bases was set aside, and there have been fewer than two since.
    /// Cut a new one then.
    pub fn has_lost_base(&self, group: GroupId) -> bool {
        self.group(group)
            .is_some_and(|stored| stored.bases.has_lost())
    }

    /// Durably marks sled's content as suspect, though it may look valid: the next open quarantines
    /// it and rebuilds from bases.
    pub fn mark_suspect(&self, why: &str) -> io::Result<()> {
        tracing::error!(why, "the checkpoints were marked suspect");
        self.health.mark_suspect(why)
    }

    /// The group, once it is recovered and while the store is in use.
    fn readable(&self, group: GroupId) -> Result<&StoredGroup, ReadError> {
        let stored = self.group(group).ok_or(ReadError::NoSuchGroup(group))?;
        self.health.check(group)?;
        if !stored.is_recovered() {
            return Err(ReadError::NotRecovered(group));
        }
        Ok(stored)
    }

    pub(super) fn group(&self, group: GroupId) -> Option<&Arc<StoredGroup>> {
        self.groups.get(usize::from(group))
    }

    pub(super) fn read_failed(&self, group: GroupId, fault: ScanFault) -> Damaged {
        match fault {
            ScanFault::Damage(damage) => damage.of(group),
            ScanFault::Sled(fault) => self.health.fault(group, fault),
        }
    }

    /// A batch may be applied in part, but only in memory: sled recovers a batch as a whole.
    pub(super) fn apply_failed(&self, group: GroupId, fault: SledFault) -> CommitError {
        if fault.is_environment() {
            let what = fault.into_damage().to_string();
            self.health.retire(&what);
            return CommitError::Environment(what);
        }
        let damaged = fault.into_damage().of(group);
        self.health.condemn(&damaged.to_string());
        CommitError::Damaged(damaged)
    }

    /// Removes the trees of a group that installs and rebuilds left. What can't be removed takes
    /// room, until sled's collector comes across it: the next open then begins anew.
    pub(super) fn discard_unused(&self, stored: &StoredGroup, group: GroupId) {
        match stored.tree.discard_unused() {
            Ok(()) => {}
            Err(fault @ SledFault::Panic(_)) => drop(self.health.fault(group, fault)),
            Err(fault) if fault.is_environment() => {
                let why = fault.into_damage();
                tracing::warn!(group, %why, "an old tree of a shard could not be removed");
            }
            Err(fault) => {
                stored.tree.keep_unreadable();
                self.note_suspect(&format!("an old tree: {}", fault.into_damage()));
            }
        }
    }

    pub(super) fn note_suspect(&self, why: &str) {
        if let Err(error) = self.mark_suspect(why) {
            tracing::error!(%error, "the checkpoints could not be marked suspect");
        }
    }

    pub(super) fn sync_failed(&self, group: GroupId, error: SyncError) -> CommitError {
        let error = match error {
            SyncError::Flush(damage) => CommitError::Damaged(damage.of(group)),
            SyncError::Fsync { what, source } => CommitError::Fsync { what, source },
            SyncError::Stuck(after) => CommitError::Stuck { after },
        };
        self.health.retire(&error.to_string());
        error
    }
}

impl CheckpointStore {
    /// An open that is stopped in order before all groups are recovered is none that failed.
    fn end_open(&self) {
        let unrecovered = self.unrecovered.lock();
        if unrecovered.groups > 0
            && !unrecovered.is_rebuild
            && let Err(error) = self.health.sled_dir().open_ended()
        {
            tracing::warn!(%error, "the end of an open could not be noted");
        }
    }
}

impl Drop for CheckpointStore {
    fn drop(&mut self) {
        if self.health.is_out_of_use() {
            // Closing sled flushes it, which might write a part of a failed commit.
            self.syncer.abandon();
            mem::forget(mem::take(&mut self.groups));
            return;
        }
        self.syncer.stop();
        self.end_open();
        let groups = mem::take(&mut self.groups);
        let closed = guarded(|| {
            drop(groups);
            Ok(())
        });
        if let Err(fault) = closed {
            tracing::error!(fault = %fault.into_damage(), "closing the checkpoint store failed");
        }
    }
}

/// # Errors
/// [`CommitError::NotAhead`] unless `given` is ahead.
pub(super) fn check_ahead(current: Option<Summary>, given: Position) -> Result<(), CommitError> {
    match current.map(|summary| summary.position) {
        Some(committed) if given.index <= committed.index || given.term < committed.term => {
            Err(CommitError::NotAhead { given, committed })
        }
        _ => Ok(()),
    }
}

//! A node's log as one process sees it.

use std::ops::Range;
use std::sync::Arc;

use homeroom_node::store::GroupId;
use homeroom_node::store::log::{
    AppendError, ByteBudget, Completion, GroupState, GroupUsage, LogEngine, LogEntry, MemoryLog,
    Position, QueuePermit, ReadError, SegmentUsage, Vote, WriteRefused,
};

use super::flushed::Flushed;
use crate::bug::Bug;
use crate::checks::LogLedger;
use crate::sim::Sim;

/// The log in memory. It tells the ledger what is appended and promised.
#[derive(Clone)]
pub struct DiskLog {
    pub sim: Arc<Sim>,
    pub log: Arc<MemoryLog>,
    pub ledger: Arc<LogLedger>,
    /// This replica's incarnation.
    pub replica: u64,
    pub flushed: Flushed,
}

impl std::fmt::Debug for DiskLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.log.fmt(f)
    }
}

impl LogEngine for DiskLog {
    fn budget(&self) -> &ByteBudget {
        self.log.budget()
    }

    fn control_budget(&self) -> &ByteBudget {
        self.log.control_budget()
    }

    fn append(
        &self,
        group: GroupId,
        entries: Vec<LogEntry>,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), AppendError> {
        self.ledger.appended(&self.sim, group, &entries);
        let last = entries.last().map(|entry| entry.position.index);
        let done = self.flushed.noting(group, last, done);
        self.log.append(group, entries, permit, done)
    }

    fn save_vote(
        &self,
        group: GroupId,
        vote: Vote,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), WriteRefused> {
        let (ledger, replica) = (Arc::clone(&self.ledger), self.replica);
        let promised: Completion = Box::new(move |result| {
            if result.is_ok() {
                ledger.promised(replica, group, vote);
            }
            done(result);
        });
        self.log.save_vote(group, vote, permit, promised)
    }

    fn save_committed(
        &self,
        group: GroupId,
        committed: Option<Position>,
    ) -> Result<(), WriteRefused> {
        self.log.save_committed(group, committed)
    }

    fn truncate_after(
        &self,
        group: GroupId,
        keep: Option<Position>,
        permit: QueuePermit,
    ) -> Result<(), WriteRefused> {
        self.flushed.lower(group, keep);
        self.log.truncate_after(group, keep, permit)
    }

    fn purge(
        &self,
        group: GroupId,
        upto: Position,
        permit: QueuePermit,
    ) -> Result<(), WriteRefused> {
        self.flushed.raise(group, upto.index);
        self.log.purge(group, upto, permit)
    }

    fn remove_group(
        &self,
        group: GroupId,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), WriteRefused> {
        self.log.remove_group(group, permit, done)
    }

    fn barrier(
        &self,
        group: GroupId,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), WriteRefused> {
        if self.sim.has(Bug::CheckpointAheadOfLog) {
            drop(permit);
            done(Ok(()));
            return Ok(());
        }
        self.log.barrier(group, permit, done)
    }

    fn read(
        &self,
        group: GroupId,
        range: Range<u64>,
        bytes_max: u64,
    ) -> Result<Vec<LogEntry>, ReadError> {
        self.log.read(group, range, bytes_max)
    }

    fn is_resident(&self, group: GroupId, range: Range<u64>) -> bool {
        self.log.is_resident(group, range)
    }

    fn state(&self, group: GroupId) -> GroupState {
        self.log.state(group)
    }

    fn usage(&self, group: GroupId) -> GroupUsage {
        self.log.usage(group)
    }

    fn segments(&self) -> Vec<SegmentUsage> {
        self.log.segments()
    }

    fn groups(&self) -> Vec<GroupId> {
        self.log.groups()
    }
}

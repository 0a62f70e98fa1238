//! The writes that wait for the writer thread. Their size in bytes is bounded by their permits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::store::log::budget::QueuePermit;
use crate::store::log::engine::Completion;
use crate::store::log::entry::{GroupId, Position};
use crate::store::log::error::WriteRefused;
use crate::store::log::format::record::{Control, EntryFields};
use crate::store::log::memory::file_group::FileGroup;

/// An entry on its way to the disk.
#[derive(Debug)]
pub(crate) struct PendingEntry {
    pub(crate) fields: EntryFields,
    pub(crate) payload: Bytes,
    /// Computed in the caller's thread, to keep that work off the writer thread.
    pub(crate) crc: u32,
}

/// The content of a write.
#[derive(Debug)]
pub(crate) enum Work {
    /// Entries of a group. `seq` distinguishes them from other entries with the same indexes.
    Append {
        group: Arc<FileGroup>,
        seq: u64,
        entries: Vec<PendingEntry>,
    },
    Control(Control),
    /// Nothing to write: completed once everything before it is durable.
    Barrier,
}

impl From<Control> for Work {
    fn from(control: Control) -> Self {
        Self::Control(control)
    }
}

/// A write in the queue.
pub(crate) struct Op {
    pub(crate) work: Work,
    pub(crate) waiting: Waiting,
}

/// What a write holds until it is durable.
pub(crate) struct Waiting {
    pub(crate) done: Option<Completion>,
    /// Time of the hand-over; `None` if the duration is not measured.
    pub(crate) since: Option<Instant>,
    /// Returned to the budget once the write is durable.
    pub(crate) permit: QueuePermit,
}

/// Everything that the writer takes from the queue at once.
#[derive(Default)]
pub(crate) struct Drained {
    pub(crate) ops: Vec<Op>,
    /// The newest committed position of each group that recorded one.
    pub(crate) committed: BTreeMap<GroupId, Option<Position>>,
    /// Whether the queue is closed, so that no more follows.
    pub(crate) closing: bool,
}

#[derive(Default)]
struct State {
    waiting: Drained,
    refused: Option<WriteRefused>,
}

/// The queue in front of the writer thread.
#[derive(Default)]
pub(crate) struct WriteQueue {
    state: Mutex<State>,
    ready: Condvar,
}

impl WriteQueue {
    /// Adds a write. The order of the calls is the order on disk.
    pub(crate) fn push(&self, op: Op) -> Result<(), WriteRefused> {
        let mut state = self.state();
        if let Some(refused) = state.refused {
            return Err(refused);
        }
        if let Work::Control(Control::Remove { group }) = &op.work {
            state.waiting.committed.remove(group);
        }
        state.waiting.ops.push(op);
        drop(state);
        self.ready.notify_one();
        Ok(())
    }

    /// Records a committed position without waking the writer: it is written with the next write.
    pub(crate) fn note_committed(
        &self,
        group: GroupId,
        committed: Option<Position>,
    ) -> Result<(), WriteRefused> {
        let mut state = self.state();
        if let Some(refused) = state.refused {
            return Err(refused);
        }
        state.waiting.committed.insert(group, committed);
        Ok(())
    }

    /// Takes everything; with `wait`, first waits for a write or the close of the queue.
    ///
    /// Committed positions stay where there are only barriers: these must not cause a write.
    pub(crate) fn drain(&self, wait: bool) -> Drained {
        let mut state = self.state();
        while wait && state.waiting.ops.is_empty() && state.refused.is_none() {
            self.ready.wait(&mut state);
        }
        let mut drained = std::mem::take(&mut state.waiting);
        drained.closing = state.refused.is_some();
        let is_barrier = |op: &Op| matches!(op.work, Work::Barrier);
        if !drained.closing && !drained.ops.is_empty() && drained.ops.iter().all(is_barrier) {
            state.waiting.committed = std::mem::take(&mut drained.committed);
        }
        drained
    }

    /// Whether the queue is open and empty.
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.state();
        state.waiting.ops.is_empty() && state.refused.is_none()
    }

    /// Refuses further writes; waiting ones are still written. The first reason given is kept.
    pub(crate) fn close(&self, reason: WriteRefused) {
        self.state().refused.get_or_insert(reason);
        self.ready.notify_all();
    }

    /// Refuses further writes because the log has failed, and returns the waiting ones.
    pub(crate) fn fail(&self) -> Drained {
        let mut state = self.state();
        state.refused = Some(WriteRefused::Failed);
        std::mem::take(&mut state.waiting)
    }

    /// Why writes are refused; `None` while they are not.
    pub(crate) fn refused(&self) -> Option<WriteRefused> {
        self.state().refused
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

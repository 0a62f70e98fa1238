//! What waits for the writer thread. Its size in bytes is bounded by the permits its items hold.

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
    /// Taken in the caller's thread, to spare the writer.
    pub(crate) crc: u32,
}

/// What a write asks for.
#[derive(Debug)]
pub(crate) enum Work {
    /// Entries of a group; `seq` tells them from others that had the same indexes.
    Append {
        group: Arc<FileGroup>,
        seq: u64,
        entries: Vec<PendingEntry>,
    },
    Control(Control),
}

impl From<Control> for Work {
    fn from(control: Control) -> Self {
        Self::Control(control)
    }
}

/// One write on its way to the disk.
pub(crate) struct Op {
    pub(crate) work: Work,
    pub(crate) waiting: Waiting,
}

/// The caller's side of a write.
pub(crate) struct Waiting {
    pub(crate) done: Option<Completion>,
    /// When it was handed over.
    pub(crate) since: Instant,
    /// Given back once the write is durable.
    pub(crate) permit: QueuePermit,
}

/// What the writer takes at once.
#[derive(Default)]
pub(crate) struct Drained {
    pub(crate) ops: Vec<Op>,
    /// The newest committed position of each group that noted one.
    pub(crate) committed: BTreeMap<GroupId, Option<Position>>,
    /// Whether this is the last there will be.
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
    /// Hands a write over. The order of calls is the order on disk.
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

    /// Notes a committed position without waking the writer: it goes along with the next write.
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

    /// Takes all that waits; with `wait`, not before there is a write or the queue is closed.
    pub(crate) fn drain(&self, wait: bool) -> Drained {
        let mut state = self.state();
        while wait && state.waiting.ops.is_empty() && state.refused.is_none() {
            self.ready.wait(&mut state);
        }
        let mut drained = std::mem::take(&mut state.waiting);
        drained.closing = state.refused.is_some();
        drained
    }

    /// Whether no write waits at this moment.
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.state();
        state.waiting.ops.is_empty() && state.refused.is_none()
    }

    /// Takes no more writes; what waits is still written. The first reason given stays.
    pub(crate) fn close(&self, reason: WriteRefused) {
        self.state().refused.get_or_insert(reason);
        self.ready.notify_all();
    }

    /// Takes no more writes because the log has failed, and gives back what was waiting.
    pub(crate) fn fail(&self) -> Drained {
        let mut state = self.state();
        state.refused = Some(WriteRefused::Failed);
        std::mem::take(&mut state.waiting)
    }

    /// Why writes are refused, if they are.
    pub(crate) fn refused(&self) -> Option<WriteRefused> {
        self.state().refused
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

//! A log in memory for simulation and tests, with the same contract as the file log: no files, no
//! threads, no clock, no randomness.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use super::group_log::GroupLog;
use super::memory_disk::{self, Groups, MemoryDisk, Step};
use crate::store::log::budget::{ByteBudget, QueuePermit};
use crate::store::log::engine::{CONTROL_BUDGET_BYTES, Completion, LogEngine};
use crate::store::log::entry::{GroupId, GroupState, GroupUsage, LogEntry, Position, Vote};
use crate::store::log::error::{AppendError, ReadError, WriteRefused};
use crate::store::log::format::headers;
use crate::store::log::segments::table::SegmentUsage;

/// When the writes of a [`MemoryLog`] become durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushing {
    /// At once: completions are called before the write's method returns. A crash loses nothing.
    AtOnce,
    /// When [`MemoryLog::flush`] or [`MemoryLog::flush_first`] is called. Completions are called
    /// from there, on the caller's task.
    ByHand,
}

/// A log in memory, which stands for a node's log and its disk.
///
/// For a deterministic simulation, with [`Flushing::ByHand`]:
///
/// - A task of the simulated node stands for the disk: it waits for [`Self::pending`], then for a
///   delay of its seed, then calls [`Self::flush`]. [`Self::flush_first`] makes a part durable.
/// - A kill of the process: [`Self::crash`] loses all that was not flushed, votes and purges
///   included. [`Self::crash_torn`] keeps some of the first steps of it, as a torn batch does: draw
///   the number from the seed, up to [`Self::unflushed`]. An append is one step per entry.
/// - Then [`Self::restarted`] gives the log of the next process. Tasks of the killed one that still
///   run can't write to it: their handle refuses all writes.
/// - A lost disk: [`Self::lose_disk`] before the restart; nothing is left.
/// - A failing disk: [`Self::fail`].
///
/// Nothing depends on the time, on threads or on the order of a hash map, so the same calls give
/// the same log. Reads never wait.
#[derive(Debug)]
pub struct MemoryLog {
    budget: ByteBudget,
    control_budget: ByteBudget,
    flushing: Flushing,
    queue_bytes: u32,
    state: Mutex<State>,
    written: Notify,
}

#[derive(Default)]
struct State {
    current: Groups,
    /// What a crash leaves; maintained only with [`Flushing::ByHand`].
    disk: MemoryDisk,
    waiting: VecDeque<Waiting>,
    refused: Option<WriteRefused>,
}

/// A write that is not durable.
struct Waiting {
    /// Steps that must be durable before.
    end: u64,
    done: Option<Completion>,
    /// Returned to the budget with the write.
    permit: QueuePermit,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("groups", &self.current.len())
            .field("unflushed", &self.disk.unflushed())
            .finish_non_exhaustive()
    }
}

impl MemoryLog {
    /// An empty log. Callers wait once `queue_bytes` of entries are not yet durable.
    pub fn new(flushing: Flushing, queue_bytes: u32) -> Self {
        Self::with(flushing, queue_bytes, State::default())
    }

    fn with(flushing: Flushing, queue_bytes: u32, state: State) -> Self {
        Self {
            budget: ByteBudget::new(queue_bytes),
            control_budget: ByteBudget::new(CONTROL_BUDGET_BYTES),
            flushing,
            queue_bytes,
            state: Mutex::new(state),
            written: Notify::new(),
        }
    }

    /// Makes all writes durable and calls their completions, in the order of the calls.
    pub fn flush(&self) {
        self.flush_first(usize::MAX);
    }

    /// Makes the first `steps` of the unflushed ones durable, and calls the completions of the
    /// writes that are durable as a whole.
    pub fn flush_first(&self, steps: usize) {
        let mut state = self.state();
        state.disk.flush(steps);
        let flushed = state.disk.flushed();
        let durable = state.waiting.partition_point(|write| write.end <= flushed);
        let durable = state.waiting.drain(..durable).collect::<Vec<_>>();
        // Completions may call the log again.
        drop(state);
        for Waiting { done, permit, .. } in durable {
            drop(permit);
            if let Some(done) = done {
                done(Ok(()));
            }
        }
    }

    /// Steps that are not durable: entries, votes, committed positions, truncations, purges and
    /// removals, in the order of the calls.
    pub fn unflushed(&self) -> usize {
        self.state().disk.unflushed()
    }

    /// Waits until there is a write to flush; a committed position alone is none. To be awaited by
    /// one task.
    pub async fn pending(&self) {
        while self.state().waiting.is_empty() {
            self.written.notified().await;
        }
    }

    /// Loses every write that was not flushed, without calling its completion. Only with
    /// [`Flushing::ByHand`].
    pub fn crash(&self) {
        self.crash_torn(0);
    }

    /// As [`Self::crash`], but the first `steps` of the unflushed ones are durable. Their
    /// completions are not called either.
    pub fn crash_torn(&self, steps: usize) {
        let mut state = self.state();
        if self.flushing == Flushing::ByHand {
            state.disk.flush(steps);
            state.current = state.disk.crash();
        }
        let lost = std::mem::take(&mut state.waiting);
        drop(state);
        drop(lost);
    }

    /// Loses everything, without calling the completions of waiting writes.
    pub fn lose_disk(&self) {
        let mut state = self.state();
        (state.current, state.disk) = Default::default();
        let lost = std::mem::take(&mut state.waiting);
        drop(state);
        drop(lost);
    }

    /// The log as the next process finds it. What was not flushed is lost, as by [`Self::crash`].
    /// This one is dead from now on: it takes no write, and reads as empty.
    #[must_use = "this log is dead: the one that is returned goes on"]
    pub fn restarted(&self) -> Self {
        self.crash();
        self.close_budgets();
        let next = std::mem::take(&mut *self.state());
        self.state().refused = Some(WriteRefused::Closed);
        // The next process is not bound by a disk that failed the one before.
        let next = State {
            refused: None,
            ..next
        };
        Self::with(self.flushing, self.queue_bytes, next)
    }

    /// Fails as the file log does after an error of the disk: waiting writes get an error, later
    /// ones are refused.
    pub fn fail(&self) {
        self.close_budgets();
        let mut state = self.state();
        state.refused = Some(WriteRefused::Failed);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        let failed = || io::Error::other("a fault was injected into the log");
        waiting
            .into_iter()
            .filter_map(|write| write.done)
            .for_each(|done| done(Err(failed())));
    }

    fn close_budgets(&self) {
        self.budget.close();
        self.control_budget.close();
    }

    /// Applies the steps that `change` finds in the group's log, under one lock.
    fn change<E: From<WriteRefused>>(
        &self,
        group: GroupId,
        wait: Option<(Option<Completion>, QueuePermit)>,
        change: impl FnOnce(&GroupLog<LogEntry>) -> Result<Vec<Step>, E>,
    ) -> Result<(), E> {
        let mut state = self.state();
        if let Some(refused) = state.refused {
            return Err(refused.into());
        }
        let none = GroupLog::default();
        for step in change(state.current.get(&group).unwrap_or(&none))? {
            if self.flushing == Flushing::ByHand {
                state.disk.push(group, step.clone());
            }
            memory_disk::apply(&mut state.current, group, step);
        }
        let end = state.disk.end();
        let Some((done, permit)) = wait else {
            return Ok(());
        };
        if end > state.disk.flushed() {
            state.waiting.push_back(Waiting { end, done, permit });
            self.written.notify_one();
            return Ok(());
        }
        drop(state);
        drop(permit);
        if let Some(done) = done {
            done(Ok(()));
        }
        Ok(())
    }

    fn look<T: Default>(&self, group: GroupId, look: impl FnOnce(&GroupLog<LogEntry>) -> T) -> T {
        self.state()
            .current
            .get(&group)
            .map(look)
            .unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl LogEngine for MemoryLog {
    fn budget(&self) -> &ByteBudget {
        &self.budget
    }

    fn control_budget(&self) -> &ByteBudget {
        &self.control_budget
    }

    fn append(
        &self,
        group: GroupId,
        entries: Vec<LogEntry>,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), AppendError> {
        self.change(group, Some((Some(done), permit)), |log| {
            log.check_append(group, &entries)?;
            Ok(entries.into_iter().map(Step::Entry).collect())
        })
    }

    fn save_vote(
        &self,
        group: GroupId,
        vote: Vote,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), WriteRefused> {
        self.change(group, Some((Some(done), permit)), |_| {
            Ok(vec![Step::Vote(vote)])
        })
    }

    fn save_committed(
        &self,
        group: GroupId,
        committed: Option<Position>,
    ) -> Result<(), WriteRefused> {
        self.change(group, None, |_| Ok(vec![Step::Committed(committed)]))
    }

    fn truncate_after(
        &self,
        group: GroupId,
        keep: Option<Position>,
        permit: QueuePermit,
    ) -> Result<(), WriteRefused> {
        self.change(group, Some((None, permit)), |log| {
            Ok(log
                .truncation(keep)
                .map(Step::Truncate)
                .into_iter()
                .collect())
        })
    }

    fn purge(
        &self,
        group: GroupId,
        upto: Position,
        permit: QueuePermit,
    ) -> Result<(), WriteRefused> {
        self.change(group, Some((None, permit)), |log| {
            let is_new = !log.is_purged(upto);
            Ok(is_new.then_some(Step::Purge(upto)).into_iter().collect())
        })
    }

    fn remove_group(
        &self,
        group: GroupId,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), WriteRefused> {
        self.change(group, Some((Some(done), permit)), |_| {
            Ok(vec![Step::Remove])
        })
    }

    fn barrier(
        &self,
        group: GroupId,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), WriteRefused> {
        self.change(group, Some((Some(done), permit)), |_| Ok(Vec::new()))
    }

    fn read(
        &self,
        group: GroupId,
        range: Range<u64>,
        bytes_max: u64,
    ) -> Result<Vec<LogEntry>, ReadError> {
        let mut bytes = 0;
        let read = self.look(group, |log| {
            let fitting = log
                .range(range)
                .enumerate()
                .take_while(|(nth, (_, entry))| {
                    bytes += record_bytes(entry);
                    bytes <= bytes_max || *nth == 0
                });
            fitting.map(|(_, (_, entry))| entry.clone()).collect()
        });
        Ok(read)
    }

    fn is_resident(&self, _group: GroupId, _range: Range<u64>) -> bool {
        true
    }

    fn state(&self, group: GroupId) -> GroupState {
        self.look(group, GroupLog::state)
    }

    fn usage(&self, group: GroupId) -> GroupUsage {
        self.look(group, |log| GroupUsage {
            entries: log.slots().len() as u64,
            bytes: log.slots().iter().map(record_bytes).sum(),
            oldest_segment: None,
        })
    }

    fn segments(&self) -> Vec<SegmentUsage> {
        Vec::new()
    }

    fn groups(&self) -> Vec<GroupId> {
        self.state().current.keys().copied().collect()
    }
}

fn record_bytes(entry: &LogEntry) -> u64 {
    headers::entry_record_len(entry.payload.len())
}

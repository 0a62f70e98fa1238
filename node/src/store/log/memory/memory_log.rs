//! A log in memory for simulation and tests, with the same contract as the file log: no files, no
//! threads, no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;

use parking_lot::{Mutex, MutexGuard};

use super::group_log::GroupLog;
use crate::store::log::budget::{ByteBudget, QueuePermit};
use crate::store::log::engine::{Completion, LogEngine};
use crate::store::log::entry::{GroupId, GroupState, GroupUsage, LogEntry, Position, Vote};
use crate::store::log::error::{AppendError, ReadError, WriteRefused};
use crate::store::log::format::headers;

type Groups = BTreeMap<GroupId, GroupLog<LogEntry>>;

/// When the writes of a [`MemoryLog`] become durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushing {
    /// At once: completions are called before the write's method returns.
    AtOnce,
    /// When [`MemoryLog::flush`] is called; a [`MemoryLog::crash`] before that loses them.
    ByHand,
}

/// A log in memory. It outlives a simulated crash of the node that uses it.
#[derive(Debug)]
pub struct MemoryLog {
    budget: ByteBudget,
    flushing: Flushing,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Groups,
    /// State after a crash; maintained only with [`Flushing::ByHand`].
    durable: Groups,
    unflushed: BTreeSet<GroupId>,
    waiting: Vec<(Option<Completion>, QueuePermit)>,
    refused: Option<WriteRefused>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("groups", &self.current.len())
            .finish_non_exhaustive()
    }
}

impl MemoryLog {
    /// An empty log. Callers wait once `queue_bytes` are not yet durable.
    pub fn new(flushing: Flushing, queue_bytes: u32) -> Self {
        Self {
            budget: ByteBudget::new(queue_bytes),
            flushing,
            state: Mutex::default(),
        }
    }

    /// Makes all writes durable and calls their completions.
    pub fn flush(&self) {
        let mut state = self.state();
        let State {
            current,
            durable,
            unflushed,
            ..
        } = &mut *state;
        for group in std::mem::take(unflushed) {
            match current.get(&group) {
                Some(log) => durable.insert(group, log.clone()),
                None => durable.remove(&group),
            };
        }
        let waiting = std::mem::take(&mut state.waiting);
        // Completions may call the log again.
        drop(state);
        waiting
            .into_iter()
            .filter_map(|(done, _)| done)
            .for_each(|done| done(Ok(())));
    }

    /// Loses every write that was not flushed, without calling its completion. Only with
    /// [`Flushing::ByHand`].
    pub fn crash(&self) {
        let mut state = self.state();
        if self.flushing == Flushing::ByHand {
            state.current = state.durable.clone();
            state.unflushed.clear();
        }
        let lost = std::mem::take(&mut state.waiting);
        drop(state);
        drop(lost);
    }

    /// Fails as the file log does after an error of the disk: waiting writes get an error, later
    /// ones are refused.
    pub fn fail(&self) {
        self.budget.close();
        let mut state = self.state();
        state.refused = Some(WriteRefused::Failed);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        let failed = || io::Error::other("a fault was injected into the log");
        waiting
            .into_iter()
            .filter_map(|(done, _)| done)
            .for_each(|done| done(Err(failed())));
    }

    fn change<T, E: From<WriteRefused>>(
        &self,
        group: GroupId,
        wait: Option<(Option<Completion>, QueuePermit)>,
        change: impl FnOnce(&mut Groups) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut state = self.state();
        if let Some(refused) = state.refused {
            return Err(refused.into());
        }
        let changed = change(&mut state.current)?;
        if self.flushing == Flushing::ByHand {
            state.unflushed.insert(group);
            state.waiting.extend(wait);
            return Ok(changed);
        }
        drop(state);
        if let Some((Some(done), _)) = wait {
            done(Ok(()));
        }
        Ok(changed)
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

    fn append(
        &self,
        group: GroupId,
        entries: Vec<LogEntry>,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), AppendError> {
        self.change(group, Some((Some(done), permit)), |groups| {
            let log = groups.entry(group).or_default();
            log.check_append(group, &entries)?;
            entries
                .into_iter()
                .for_each(|entry| log.push(entry.position.index, entry));
            Ok(())
        })
    }

    fn save_vote(
        &self,
        group: GroupId,
        vote: Vote,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), WriteRefused> {
        self.change(group, Some((Some(done), permit)), |groups| {
            groups.entry(group).or_default().vote = Some(vote);
            Ok(())
        })
    }

    fn save_committed(
        &self,
        group: GroupId,
        committed: Option<Position>,
    ) -> Result<(), WriteRefused> {
        self.change(group, None, |groups| {
            groups.entry(group).or_default().committed = committed;
            Ok(())
        })
    }

    fn truncate_after(
        &self,
        group: GroupId,
        keep: Option<Position>,
        permit: QueuePermit,
    ) -> Result<(), WriteRefused> {
        self.change(group, Some((None, permit)), |groups| {
            let log = groups.entry(group).or_default();
            if let Some(next) = log.truncation(keep) {
                log.truncate(next);
            }
            Ok(())
        })
    }

    fn purge(
        &self,
        group: GroupId,
        upto: Position,
        permit: QueuePermit,
    ) -> Result<(), WriteRefused> {
        self.change(group, Some((None, permit)), |groups| {
            let log = groups.entry(group).or_default();
            if !log.is_purged(upto) {
                log.purge(upto);
            }
            Ok(())
        })
    }

    fn remove_group(
        &self,
        group: GroupId,
        permit: QueuePermit,
        done: Completion,
    ) -> Result<(), WriteRefused> {
        self.change(group, Some((Some(done), permit)), |groups| {
            groups.remove(&group);
            Ok(())
        })
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

    fn groups(&self) -> Vec<GroupId> {
        self.state().current.keys().copied().collect()
    }
}

fn record_bytes(entry: &LogEntry) -> u64 {
    headers::entry_record_len(entry.payload.len())
}

//! What a log in memory has on its simulated disk, and what waits to get there.
//!
//! Must not know: locks, budgets, completions.

use std::collections::{BTreeMap, VecDeque};

use super::group_log::GroupLog;
use crate::store::log::entry::{GroupId, LogEntry, Position, Vote};

/// All groups of a log in memory.
pub(crate) type Groups = BTreeMap<GroupId, GroupLog<LogEntry>>;

/// A change of one group, as one record of the file log. An append is one step per entry: a crash
/// may keep the first ones of it.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Entry(LogEntry),
    Vote(Vote),
    Committed(Option<Position>),
    /// The first index that is removed.
    Truncate(u64),
    Purge(Position),
    Remove,
}

impl Step {
    /// Whether the file log would write it at once. A committed position waits for the next write.
    fn is_write(&self) -> bool {
        !matches!(self, Self::Committed(_))
    }
}

/// Applies a step to a group.
pub(crate) fn apply(groups: &mut Groups, group: GroupId, step: Step) {
    if matches!(step, Step::Remove) {
        groups.remove(&group);
        return;
    }
    let log = groups.entry(group).or_default();
    match step {
        Step::Entry(entry) => log.push(entry.position.index, entry),
        Step::Vote(vote) => log.vote = Some(vote),
        Step::Committed(committed) => log.committed = committed,
        Step::Truncate(next) => drop(log.truncate(next)),
        Step::Purge(upto) => drop(log.purge(upto)),
        Step::Remove => {}
    }
}

/// The durable groups, and the steps that are not durable yet, in the order of the calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryDisk {
    durable: Groups,
    unflushed: VecDeque<(GroupId, Step)>,
    /// Steps that were made durable, since the log was created.
    flushed: u64,
}

impl MemoryDisk {
    pub(crate) fn push(&mut self, group: GroupId, step: Step) {
        self.unflushed.push_back((group, step));
    }

    /// Steps that wait.
    pub(crate) fn unflushed(&self) -> usize {
        self.unflushed.len()
    }

    /// Steps flushed once everything is that must be durable now. Committed positions behind the
    /// last write are left out: they wait for the next one.
    pub(crate) fn end(&self) -> u64 {
        let last = self.unflushed.iter().rposition(|(_, step)| step.is_write());
        self.flushed + last.map_or(0, |last| last as u64 + 1)
    }

    /// Steps flushed so far.
    pub(crate) fn flushed(&self) -> u64 {
        self.flushed
    }

    /// Makes the first `steps` durable.
    pub(crate) fn flush(&mut self, steps: usize) {
        let steps = steps.min(self.unflushed.len());
        for (group, step) in self.unflushed.drain(..steps) {
            apply(&mut self.durable, group, step);
        }
        self.flushed += steps as u64;
    }

    /// Loses what is not durable, and returns what is.
    pub(crate) fn crash(&mut self) -> Groups {
        self.unflushed.clear();
        self.durable.clone()
    }
}

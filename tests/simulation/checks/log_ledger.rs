//! Logs and votes: one log id names one entry, and no vote is forgotten.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use homeroom_node::store::GroupId;
use homeroom_node::store::log::{LogEntry, Position, Vote};
use parking_lot::Mutex;

use crate::sim::Sim;

/// What replicas appended and promised. It outlives processes.
#[derive(Default)]
pub struct LogLedger(Mutex<State>);

#[derive(Default)]
struct State {
    /// Hash of the entry with a log id, on whatever replica.
    entries: BTreeMap<(GroupId, Position), u64>,
    /// The durable votes, by incarnation.
    promised: BTreeMap<(u64, GroupId), Vec<Vote>>,
}

impl LogLedger {
    /// A replica appends entries.
    pub fn appended(&self, sim: &Sim, group: GroupId, entries: &[LogEntry]) {
        let mut state = self.0.lock();
        for entry in entries {
            let mut hasher = DefaultHasher::new();
            (entry.tag, &entry.payload[..]).hash(&mut hasher);
            let hash = hasher.finish();
            let known = state.entries.entry((group, entry.position)).or_insert(hash);
            if *known != hash {
                let position = entry.position;
                sim.violated(
                    "one log id names one entry",
                    format_args!("group {group}, {position:?} names two entries"),
                );
            }
        }
    }

    /// A vote is durable.
    pub fn promised(&self, replica: u64, group: GroupId, vote: Vote) {
        let mut state = self.0.lock();
        state
            .promised
            .entry((replica, group))
            .or_default()
            .push(vote);
    }

    /// The durable vote of a replica before its newest one.
    pub fn promise_before(&self, replica: u64, group: GroupId) -> Option<Vote> {
        let state = self.0.lock();
        let promised = state.promised.get(&(replica, group))?;
        promised.iter().rev().nth(1).copied()
    }

    /// A replica starts with this vote.
    pub fn starts_with(&self, sim: &Sim, replica: u64, group: GroupId, vote: Option<Vote>) {
        let state = self.0.lock();
        let newest = state
            .promised
            .get(&(replica, group))
            .and_then(|it| it.last());
        let order = |vote: Vote| (vote.leader, vote.committed);
        let promised = newest.copied().map(order);
        if vote.map(order) < promised {
            sim.violated(
                "no vote is forgotten",
                format_args!("replica {replica} of group {group}: {promised:?}, then {vote:?}"),
            );
        }
    }
}

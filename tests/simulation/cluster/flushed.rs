//! How far each group's log is durable, as a process learns it.

use std::collections::BTreeMap;
use std::sync::Arc;

use homeroom_node::store::GroupId;
use homeroom_node::store::log::{Completion, LogEngine, MemoryLog, Position};
use parking_lot::Mutex;

/// Index up to which each group's log is durable, or purged. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Flushed(Arc<Mutex<BTreeMap<GroupId, u64>>>);

impl Flushed {
    /// At the start of a process, when all of its log is durable.
    pub fn of(log: &MemoryLog) -> Self {
        let last = |group| Some((group, log.state(group).last?.index));
        Self(Arc::new(Mutex::new(
            log.groups().into_iter().filter_map(last).collect(),
        )))
    }

    /// Notes the index of an append once it is durable.
    pub fn noting(&self, group: GroupId, last: Option<u64>, done: Completion) -> Completion {
        let flushed = self.clone();
        Box::new(move |result| {
            if let (Ok(()), Some(last)) = (&result, last) {
                flushed.raise(group, last);
            }
            done(result);
        })
    }

    /// What is purged is durable elsewhere: in a base that was installed.
    pub fn raise(&self, group: GroupId, index: u64) {
        let mut flushed = self.0.lock();
        let known = flushed.entry(group).or_default();
        *known = index.max(*known);
    }

    /// Entries behind this one are gone.
    pub fn lower(&self, group: GroupId, keep: Option<Position>) {
        let mut flushed = self.0.lock();
        let known = flushed.entry(group).or_default();
        *known = keep.map_or(0, |keep| keep.index).min(*known);
    }

    /// Whether the log is durable up to this index.
    pub fn covers(&self, group: GroupId, index: u64) -> bool {
        self.0.lock().get(&group).is_some_and(|last| *last >= index)
    }
}

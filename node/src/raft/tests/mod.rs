//! A group over a log and a store in memory.

mod counting;
mod faults;
mod memory_states;
mod starting;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::Semaphore;

use self::{counting::Counting, memory_states::MemoryStates};
use super::{Group, GroupConfig, GroupResources, NoPeers};
use crate::{
    clock::{LogClock, SystemTimeSource},
    store::log::{Flushing, MemoryLog},
};

const WITHIN: Duration = Duration::from_secs(30);

/// What a group is started over.
struct Setup {
    log: Arc<MemoryLog>,
    states: MemoryStates,
}

impl Setup {
    fn new(flushing: Flushing) -> Self {
        Self {
            log: Arc::new(MemoryLog::new(flushing, 1 << 20)),
            states: MemoryStates::default(),
        }
    }

    /// The same disk, for the next process.
    fn restarted(&self) -> Self {
        Self {
            log: Arc::new(self.log.restarted()),
            states: self.states.clone(),
        }
    }

    /// Starts a single voter, without waiting for its state.
    async fn start(&self, counting: Counting) -> Arc<Group<Counting>> {
        let config = GroupConfig {
            name: "test".to_owned(),
            id: 0,
            replica: 1,
            founders: Some(BTreeMap::from([(1, "one:1".to_owned())])),
            heartbeat_ms: 150,
            election_min_ms: 400,
            election_max_ms: 700,
            propose_within: WITHIN,
        };
        let resources = GroupResources {
            log: Arc::clone(&self.log) as _,
            states: Arc::new(self.states.clone()),
            transport: Arc::new(NoPeers),
            loads: Arc::new(Semaphore::new(1)),
            turns: Arc::new(Semaphore::new(1)),
            fatal: Arc::new(|why| panic!("{why}")),
            checkpointed: Arc::new(|_, _, _| {}),
        };
        let clock = LogClock::new(Arc::new(SystemTimeSource));
        let group = Group::start(config, resources, clock, counting).await;
        group.expect("it starts")
    }

    async fn ready(&self) -> Arc<Group<Counting>> {
        let group = self.start(Counting::default()).await;
        group.ready().await.expect("it is ready");
        group
    }
}

/// Proposes a number, and checks that it is applied.
async fn propose(group: &Group<Counting>, number: u8) {
    let written = group.propose(vec![number].into()).await.expect("it leads");
    assert_eq!(written.applied.0[..], [number]);
}

async fn numbers(group: &Group<Counting>) -> Vec<u8> {
    group.inspect(|counting| counting.numbers.clone()).await
}

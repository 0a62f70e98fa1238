//! Helpers for the tests of the log: entries, pending writes, seeds.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use bytes::Bytes;
use futures::executor::block_on;
use homeroom_node::store::log::{
    AppendError, CONTROL_BYTES, Completion, FileLog, GroupId, Leader, LogConfig, LogEngine,
    LogEntry, LogHooks, OpenError, Position, QueuePermit, Vote, append_bytes,
};

/// The result of a pending write.
pub type Ack = Receiver<std::io::Result<()>>;

pub fn position(term: u64, index: u64) -> Position {
    Position {
        leader: Leader { term, node: 1 },
        index,
    }
}

pub fn vote(term: u64) -> Vote {
    Vote {
        leader: Leader { term, node: 1 },
        committed: false,
    }
}

/// An entry whose payload is derived from its group and position, so a test can check it without
/// storing it.
pub fn entry(group: GroupId, position: Position, len: usize) -> LogEntry {
    let seed = u64::from(group) ^ (position.leader.term << 40) ^ (position.index << 8);
    let mut payload = vec![0; len];
    fastrand::Rng::with_seed(seed).fill(&mut payload);
    let payload = Bytes::from(payload);
    LogEntry {
        position,
        tag: 2,
        payload,
    }
}

/// Small segments and a small cache, so that little data causes rotation, deletion and reads from
/// disk.
pub fn small(dir: &Path) -> LogConfig {
    let mut config = LogConfig::new(dir);
    config.segment_bytes = 8 << 10;
    config.cache_bytes = 4 << 10;
    config.queue_bytes = 1 << 20;
    // Whether the next file is ready in time depends on chance, so both kinds of segments occur.
    config.preallocate_from_bytes = 1 << 10;
    config
}

pub fn open(config: LogConfig) -> Result<FileLog, OpenError> {
    FileLog::open(
        config,
        LogHooks::new(Arc::new(|error| panic!("the log failed: {error}"))),
    )
}

pub fn permit(log: &dyn LogEngine, bytes: u64) -> QueuePermit {
    block_on(log.budget().acquire(bytes)).expect("the log is open")
}

pub fn control_permit(log: &dyn LogEngine) -> QueuePermit {
    block_on(log.control_budget().acquire(CONTROL_BYTES)).expect("the log is open")
}

pub fn completion() -> (Completion, Ack) {
    let (send, ack) = channel();
    (Box::new(move |result| drop(send.send(result))), ack)
}

pub fn try_append(
    log: &dyn LogEngine,
    group: GroupId,
    entries: Vec<LogEntry>,
) -> Result<Ack, AppendError> {
    let (done, ack) = completion();
    let permit = permit(log, append_bytes(&entries));
    log.append(group, entries, permit, done).map(|()| ack)
}

pub fn append(log: &dyn LogEngine, group: GroupId, term: u64, range: std::ops::Range<u64>) -> Ack {
    let entries = range
        .map(|index| entry(group, position(term, index), 300))
        .collect();
    try_append(log, group, entries).expect("the append is taken")
}

pub fn save_vote(log: &dyn LogEngine, group: GroupId, vote: Vote) -> Ack {
    let (done, ack) = completion();
    log.save_vote(group, vote, control_permit(log), done)
        .expect("the vote is taken");
    ack
}

pub fn purge(log: &dyn LogEngine, group: GroupId, upto: Position) {
    log.purge(group, upto, control_permit(log))
        .expect("the purge is taken");
}

pub fn truncate(log: &dyn LogEngine, group: GroupId, keep: Option<Position>) {
    log.truncate_after(group, keep, control_permit(log))
        .expect("the truncation is taken");
}

pub fn remove(log: &dyn LogEngine, group: GroupId) -> Ack {
    let (done, ack) = completion();
    log.remove_group(group, control_permit(log), done)
        .expect("the removal is taken");
    ack
}

pub fn barrier(log: &dyn LogEngine, group: GroupId) -> Ack {
    let (done, ack) = completion();
    log.barrier(group, control_permit(log), done)
        .expect("the barrier is taken");
    ack
}

pub fn durable(ack: &Ack) {
    ack.recv()
        .expect("the completion is called")
        .expect("the write is durable");
}

pub fn read_all(log: &dyn LogEngine, group: GroupId) -> Vec<LogEntry> {
    log.read(group, 0..u64::MAX, u64::MAX)
        .expect("the entries can be read")
}

pub fn indexes(log: &dyn LogEngine, group: GroupId) -> Vec<u64> {
    read_all(log, group)
        .iter()
        .map(|entry| entry.position.index)
        .collect()
}

/// The seed of a random test: from `HOMEROOM_SEED`, otherwise random. Printed with the command that
/// repeats the run.
pub fn seed(test: &str) -> u64 {
    let given = std::env::var("HOMEROOM_SEED").ok();
    let seed = given.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("a number"));
    println!("replay with: HOMEROOM_SEED={seed} cargo test --test log {test}");
    seed
}

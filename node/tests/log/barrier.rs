//! Barriers, and the budget of control writes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::TryRecvError;

use futures::FutureExt;
use futures::executor::block_on;
use homeroom_node::raft::{LogStore, TypeConfig};
use homeroom_node::store::log::{FileLog, Flushing, LogEngine, LogHooks, MemoryLog, WriteRefused};
use openraft::storage::{RaftLogReader, RaftLogStorage};
use openraft::type_config::alias::{LeaderIdOf, LogIdOf, VoteOf};

use crate::files::{scratch_dir, segments_in};
use crate::gate::Gate;
use crate::support::*;

fn is_waiting(ack: &Ack) -> bool {
    matches!(ack.try_recv(), Err(TryRecvError::Empty))
}

#[test]
fn a_barrier_waits_for_the_fsync_of_what_was_before_it() {
    let (dir, gate) = (scratch_dir(), Gate::default());
    let log = gate.open(dir.path()).expect("a new log opens");
    gate.shut();
    let first = append(&log, 1, 1, 0..1);
    gate.wait_until_it_holds();
    // The first is with the disk, the second in the queue.
    let second = append(&log, 1, 1, 1..2);
    let passed = barrier(&log, 1);
    let of_other = barrier(&log, 2);
    assert!(is_waiting(&first) && is_waiting(&passed) && is_waiting(&of_other));
    let before = log.stats().fsyncs();
    gate.release();
    durable(&passed);
    assert!(log.stats().fsyncs() >= before + 2, "one for each append");
    assert!(
        second
            .try_recv()
            .expect("called before the barrier")
            .is_ok()
    );
    durable(&first);
    durable(&of_other);
}

#[test]
fn a_barrier_writes_nothing_where_nothing_is_pending() {
    let dir = scratch_dir();
    let log = open(small(dir.path())).expect("a new log opens");
    durable(&barrier(&log, 1));
    durable(&append(&log, 1, 1, 0..3));
    // The idle writer's record, which needs no fdatasync of its own.
    while newest_end(dir.path()) as u64 == log.segments().last().expect("a segment").bytes {
        std::thread::yield_now();
    }
    let figures = || (log.stats().fsyncs(), log.stats().appended_bytes());
    let (before, files) = (figures(), segments_in(dir.path()));
    log.save_committed(1, Some(position(1, 1)))
        .expect("the log is open");
    for group in [1, 1, 2] {
        durable(&barrier(&log, group));
    }
    assert!(files == segments_in(dir.path()));
    assert_eq!(figures(), before);
    assert_eq!(log.groups(), [1], "no group comes of a barrier");
    // What a barrier left in the queue is written with the next write.
    durable(&save_vote(&log, 1, vote(3)));
    drop(log);
    let log = open(small(dir.path())).expect("it opens");
    assert_eq!(log.state(1).committed, Some(position(1, 1)));
}

fn newest_end(dir: &Path) -> usize {
    segments_in(dir).last().expect("a segment").end()
}

#[test]
fn a_barrier_in_memory_waits_for_the_flush() {
    let log = MemoryLog::new(Flushing::ByHand, 1 << 20);
    durable(&barrier(&log, 1));
    log.save_committed(1, None).expect("the log is open");
    durable(&barrier(&log, 1));
    let ack = append(&log, 1, 1, 0..3);
    let passed = barrier(&log, 1);
    log.flush_first(3);
    assert!(
        is_waiting(&ack) && is_waiting(&passed),
        "one entry is missing"
    );
    log.flush_first(1);
    durable(&ack);
    durable(&passed);
}

#[test]
fn a_barrier_fails_with_the_disk() {
    let dir = scratch_dir();
    let broken = Arc::new(AtomicBool::new(false));
    let fault = Arc::clone(&broken);
    let mut hooks = LogHooks::new(Arc::new(|_| {}));
    hooks.sync_fault = Some(Arc::new(move || match fault.load(Ordering::SeqCst) {
        true => Err(std::io::Error::other("injected")),
        false => Ok(()),
    }));
    let log = FileLog::open(small(dir.path()), hooks).expect("a new log opens");
    let (done, passed) = completion();
    let permits = [0; 2].map(|_| control_permit(&log));
    let [one, other] = permits;
    broken.store(true, Ordering::SeqCst);
    let ack = append(&log, 1, 1, 0..3);
    if log.barrier(1, one, done).is_ok() {
        assert!(passed.recv().expect("the completion is called").is_err());
    }
    assert!(ack.recv().expect("the completion is called").is_err());
    assert_eq!(
        log.barrier(1, other, completion().0),
        Err(WriteRefused::Failed)
    );
    let refused = log.control_budget().acquire(1).now_or_never();
    assert!(refused.expect("answers at once").is_err());
}

#[test]
fn a_full_budget_of_entries_does_not_delay_a_vote() {
    let dir = scratch_dir();
    let file = Arc::new(open(small(dir.path())).expect("a new log opens"));
    let memory = Arc::new(MemoryLog::new(Flushing::AtOnce, 1 << 20));
    let log_id = |index| {
        let leader = LeaderIdOf::<TypeConfig> {
            term: 3,
            node_id: 9,
        };
        LogIdOf::<TypeConfig>::new(leader, index)
    };
    for log in [file as Arc<dyn LogEngine>, memory] {
        let mut store = LogStore::new(Arc::clone(&log), 1, 1 << 20);
        durable(&append(log.as_ref(), 1, 1, 0..10));
        let all = block_on(log.budget().acquire(u64::MAX)).expect("the log is open");
        assert!(log.budget().acquire(1).now_or_never().is_none(), "full");
        let vote = VoteOf::<TypeConfig>::new(7, 9);
        block_on(async {
            store.save_vote(&vote).await.expect("saved");
            store.truncate_after(Some(log_id(8))).await.expect("cut");
            store.purge(log_id(2)).await.expect("purged");
        });
        durable(&barrier(log.as_ref(), 1));
        assert_eq!(block_on(store.read_vote()).expect("readable"), Some(vote));
        assert_eq!(indexes(log.as_ref(), 1), [3, 4, 5, 6, 7, 8]);
        drop(all);
    }
}

#[test]
fn control_writes_are_bounded_too() {
    let log = MemoryLog::new(Flushing::ByHand, 1 << 20);
    let mut votes = 0;
    while let Some(permit) = log.control_budget().acquire(128).now_or_never() {
        let permit = permit.expect("the log is open");
        let (done, _) = completion();
        log.save_vote(1, vote(votes), permit, done)
            .expect("the vote is taken");
        votes += 1;
    }
    assert_eq!(votes, 2048);
    assert_eq!(log.budget().used_bytes(), 0);
    log.flush();
    assert_eq!(log.control_budget().used_bytes(), 0);
}

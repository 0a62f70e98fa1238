//! The log in memory as the disk of a simulated node.

use std::sync::Arc;
use std::time::Duration;

use homeroom_node::store::log::{Flushing, LogEngine, MemoryLog, WriteRefused};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::history::{Change, History, payload_hash};
use crate::support::*;

/// Writes the same every time, without a flush; returns every state on the way.
fn written(log: &MemoryLog) -> History {
    let mut history = History::default();
    let mut acks = Vec::new();
    acks.push(append(log, 1, 1, 0..3));
    for index in 0..3 {
        let entry = entry(1, position(1, index), 300);
        let change = Change::Entry(entry.position, payload_hash(&entry));
        history.push(1, change);
    }
    acks.push(save_vote(log, 1, vote(2)));
    history.push(1, Change::Vote(vote(2)));
    truncate(log, 1, Some(position(1, 1)));
    history.push(1, Change::Truncate(Some(position(1, 1))));
    acks.push(append(log, 2, 1, 5..6));
    let other = entry(2, position(1, 5), 300);
    history.push(2, Change::Entry(other.position, payload_hash(&other)));
    purge(log, 1, position(1, 0));
    history.push(1, Change::Purge(position(1, 0)));
    acks.push(remove(log, 2));
    history.push(2, Change::Remove);
    history
}

#[test]
fn a_torn_crash_keeps_any_prefix() {
    for kept in 0..=8 {
        let log = MemoryLog::new(Flushing::ByHand, 1 << 20);
        let history = written(&log);
        assert_eq!(log.unflushed(), history.len());
        assert_eq!(history.find(&log).expect("readable"), Some(history.len()));
        log.crash_torn(kept);
        assert_eq!(history.find(&log).expect("readable"), Some(kept));
        // What a crash left stays.
        log.crash();
        assert_eq!(history.find(&log).expect("readable"), Some(kept));
        assert_eq!(log.unflushed(), 0);
    }
}

#[test]
fn what_was_flushed_survives_and_only_that() {
    for flushed in 0..=8 {
        let log = MemoryLog::new(Flushing::ByHand, 1 << 20);
        let history = written(&log);
        log.flush_first(flushed);
        assert_eq!(history.find(&log).expect("readable"), Some(history.len()));
        let log = log.restarted();
        assert_eq!(history.find(&log).expect("readable"), Some(flushed));
    }
}

#[test]
fn a_vote_that_was_not_flushed_is_forgotten() {
    let log = MemoryLog::new(Flushing::ByHand, 1 << 20);
    let ack = save_vote(&log, 1, vote(4));
    log.flush();
    durable(&ack);
    let lost = save_vote(&log, 1, vote(5));
    log.crash();
    assert_eq!(log.state(1).vote, Some(vote(4)));
    assert!(lost.recv().is_err(), "its completion is never called");
    assert_eq!(log.control_budget().used_bytes(), 0);
}

#[test]
fn the_handle_of_a_killed_process_is_dead() {
    let log = MemoryLog::new(Flushing::ByHand, 1 << 20);
    let (permit, control) = (permit(&log, 1000), control_permit(&log));
    let ack = append(&log, 1, 1, 0..2);
    log.flush();
    durable(&ack);
    let next = log.restarted();
    let late = log.save_vote(1, vote(9), control, completion().0);
    assert_eq!(late, Err(WriteRefused::Closed));
    let late = log.append(1, vec![entry(1, position(1, 2), 5)], permit, completion().0);
    assert!(late.is_err());
    assert!(indexes(&log, 1).is_empty());
    assert_eq!(indexes(&next, 1), [0, 1]);
    let ack = append(&next, 1, 1, 2..3);
    next.flush();
    durable(&ack);
    // A disk that failed lets the next process write again; a lost one is empty.
    next.fail();
    let next = next.restarted();
    assert_eq!(indexes(&next, 1), [0, 1, 2]);
    next.lose_disk();
    let next = next.restarted();
    assert!(next.groups().is_empty());
    let ack = append(&next, 1, 1, 0..1);
    next.flush();
    durable(&ack);
}

/// As a simulation uses it: a task is the disk, and its delay passes in simulated time.
#[tokio::test(start_paused = true)]
async fn a_task_may_be_the_disk() {
    const DELAY: Duration = Duration::from_millis(7);
    let log = Arc::new(MemoryLog::new(Flushing::ByHand, 1 << 20));
    let disk = Arc::clone(&log);
    let disk = tokio::spawn(async move {
        loop {
            disk.pending().await;
            tokio::time::sleep(DELAY).await;
            disk.flush();
        }
    });
    let begun = Instant::now();
    for index in 0..10 {
        let (sent, written) = oneshot::channel();
        let permit = log.budget().acquire(1000).await.expect("the log is open");
        let entries = vec![entry(1, position(1, index), 10)];
        let done = Box::new(move |result| drop(sent.send(result)));
        log.append(1, entries, permit, done).expect("it follows");
        written.await.expect("called").expect("durable");
    }
    assert_eq!(begun.elapsed(), 10 * DELAY);
    disk.abort();
}

//! The contract of a log engine, case by case.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use homeroom_node::store::log::{
    AppendError, CONTROL_BYTES, DamageProof, FileLog, Flushing, LogEngine, LogHooks, MemoryLog,
    OpenError, ReadError, WriteRefused,
};

use crate::support::*;

/// Waits for a later write of a group; segments due for deletion are deleted by then.
fn settle(log: &FileLog) {
    // The first batch may contain the purge, the second the deletion. A third one begins only after
    // that.
    for term in 1..=3 {
        durable(&save_vote(log, 999, vote(term)));
    }
}

fn segment_files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("the directory can be listed");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "segment")
    });
    files.sort();
    files
}

fn flip(path: &Path, byte: usize) {
    let mut bytes = fs::read(path).expect("the segment can be read");
    bytes[byte] ^= 0x10;
    fs::write(path, bytes).expect("the segment can be written");
}

fn engines(dir: &Path) -> [Arc<dyn LogEngine>; 2] {
    let file = open(small(dir)).expect("a new log opens");
    [
        Arc::new(file),
        Arc::new(MemoryLog::new(Flushing::AtOnce, 1 << 20)),
    ]
}

#[test]
fn entries_are_readable_before_they_are_durable() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = open(small(dir.path())).expect("a new log opens");
    let memory = MemoryLog::new(Flushing::ByHand, 1 << 20);
    for log in [&file as &dyn LogEngine, &memory] {
        let ack = append(log, 1, 1, 0..5);
        assert_eq!(indexes(log, 1), [0, 1, 2, 3, 4]);
        memory.flush();
        durable(&ack);
        assert_eq!(read_all(log, 1)[4], entry(1, position(1, 4), 300));
    }
}

#[test]
fn both_engines_take_and_refuse_the_same() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for log in engines(dir.path()) {
        let log = log.as_ref();
        durable(&append(log, 1, 1, 3..10));
        let gap = try_append(log, 1, vec![entry(1, position(1, 11), 1)]).expect_err("a gap");
        assert_eq!(
            gap,
            AppendError::Gap {
                group: 1,
                expected: 10,
                found: 11
            }
        );
        truncate(log, 1, Some(position(1, 6)));
        purge(log, 1, position(1, 4));
        assert_eq!(indexes(log, 1), [5, 6]);
        durable(&append(log, 1, 2, 7..9));
        assert_eq!(log.state(1).last, Some(position(2, 8)));
        assert_eq!(log.state(1).purged, Some(position(1, 4)));
        assert_eq!(log.usage(1).entries, 4);
        let bytes = log.usage(1).bytes;
        purge(log, 1, position(1, 6));
        assert_eq!(log.usage(1).bytes * 2, bytes);
        purge(log, 1, position(3, 20));
        assert_eq!(log.state(1).last, Some(position(3, 20)));
        assert!(try_append(log, 1, vec![entry(1, position(3, 20), 1)]).is_err());
        durable(&append(log, 1, 3, 21..22));
        durable(&remove(log, 1));
        assert_eq!(log.state(1), Default::default());
        durable(&append(log, 1, 9, 4..5));
        assert_eq!(indexes(log, 1), [4]);
    }
}

#[test]
fn a_read_is_bounded_in_bytes_but_gives_at_least_one_entry() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for log in engines(dir.path()) {
        durable(&append(log.as_ref(), 1, 1, 0..10));
        let record = log.usage(1).bytes / 10;
        let lengths = [0, record, record * 3, u64::MAX]
            .map(|bytes| log.read(1, 2..9, bytes).expect("readable").len());
        assert_eq!(lengths, [1, 1, 3, 7]);
    }
}

#[test]
fn everything_is_there_after_reopening() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = open(small(dir.path())).expect("a new log opens");
    durable(&append(&log, 1, 1, 0..100));
    durable(&append(&log, 2, 1, 5..60));
    truncate(&log, 1, Some(position(1, 80)));
    purge(&log, 2, position(1, 30));
    durable(&save_vote(&log, 1, vote(4)));
    log.save_committed(1, Some(position(1, 70)))
        .expect("the log is open");
    let before = [1, 2].map(|group| (log.state(group), read_all(&log, group), log.usage(group)));
    drop(log);
    let log = open(small(dir.path())).expect("the log opens again");
    let after = [1, 2].map(|group| (log.state(group), read_all(&log, group), log.usage(group)));
    assert_eq!(before, after);
    assert_eq!(log.groups(), [1, 2]);
    assert!(!log.is_resident(1, 0..10));
}

#[test]
fn an_idle_group_pins_only_the_segments_it_has_entries_in() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = open(small(dir.path())).expect("a new log opens");
    durable(&save_vote(&log, 3, vote(7)));
    durable(&append(&log, 2, 1, 0..2));
    for burst in 0..20 {
        durable(&append(&log, 1, 1, burst * 20..burst * 20 + 20));
    }
    let pinned = log
        .usage(2)
        .oldest_segment
        .expect("the idle group has entries");
    assert!(log.segments().len() > 10);
    purge(&log, 1, position(1, 395));
    settle(&log);
    let kept: Vec<_> = log.segments().iter().map(|usage| usage.segment).collect();
    assert_eq!(kept.first(), Some(&pinned));
    assert!(kept.len() <= 4, "{kept:?}");
    assert_eq!(segment_files(dir.path()).len(), kept.len());
    drop(log);
    let log = open(small(dir.path())).expect("the log opens again");
    assert_eq!(indexes(&log, 2), [0, 1]);
    assert_eq!(indexes(&log, 1), [396, 397, 398, 399]);
    assert_eq!(log.state(3).vote, Some(vote(7)));
    purge(&log, 2, position(1, 1));
    durable(&append(&log, 1, 1, 400..440));
    settle(&log);
    assert!(log.segments().iter().all(|usage| usage.segment > pinned));
}

#[test]
fn a_failed_fsync_stops_the_log() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (broken, failures) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let (fault, fatal) = (Arc::clone(&broken), Arc::clone(&failures));
    let mut hooks = LogHooks::new(Arc::new(move |_| {
        _ = fatal.fetch_add(1, Ordering::SeqCst);
    }));
    hooks.sync_fault = Some(Arc::new(move || match fault.load(Ordering::SeqCst) {
        true => Err(std::io::Error::other("injected")),
        false => Ok(()),
    }));
    let log = FileLog::open(small(dir.path()), hooks).expect("a new log opens");
    durable(&append(&log, 1, 1, 0..3));
    broken.store(true, Ordering::SeqCst);
    let ack = append(&log, 1, 1, 3..6);
    assert!(ack.recv().expect("the completion is called").is_err());
    assert_eq!(failures.load(Ordering::SeqCst), 1);
    // The disk works again, but its content is unknown: the log stays failed.
    broken.store(false, Ordering::SeqCst);
    assert!(
        log.budget()
            .acquire(1)
            .now_or_never()
            .expect("answers at once")
            .is_err()
    );
    assert_eq!(log.save_committed(1, None), Err(WriteRefused::Failed));
    assert_eq!(log.close(), Err(WriteRefused::Failed));
}

#[test]
fn writers_wait_once_the_queue_is_full() {
    let log = MemoryLog::new(Flushing::ByHand, 10_000);
    let taken = log
        .budget()
        .acquire(9_000)
        .now_or_never()
        .expect("there is room");
    assert!(log.budget().acquire(2_000).now_or_never().is_none());
    drop(taken);
    let all = log
        .budget()
        .acquire(1 << 40)
        .now_or_never()
        .expect("an oversized write takes all");
    assert_eq!(log.budget().used_bytes(), 10_000);
    drop(all);
    let ack = append(&log, 1, 1, 0..20);
    assert!(log.budget().used_bytes() > 6_000);
    log.flush();
    durable(&ack);
    assert_eq!(log.budget().used_bytes(), 0);
}

#[test]
fn a_simulated_crash_loses_what_was_not_flushed() {
    let log = MemoryLog::new(Flushing::ByHand, 1 << 20);
    let ack = append(&log, 1, 1, 0..3);
    log.flush();
    durable(&ack);
    let lost = append(&log, 1, 1, 3..6);
    log.crash();
    assert!(lost.recv().is_err(), "its completion is never called");
    assert_eq!(indexes(&log, 1), [0, 1, 2]);
    let failed = append(&log, 1, 1, 3..6);
    log.fail();
    assert!(failed.recv().expect("the completion is called").is_err());
}

#[test]
fn damage_is_reported_by_a_read_and_never_served() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = open(small(dir.path())).expect("a new log opens");
    durable(&append(&log, 1, 1, 0..100));
    let first = &segment_files(dir.path())[0];
    let len = fs::read(first).expect("the segment can be read").len();
    flip(first, len / 2);
    let error = log
        .read(1, 0..100, u64::MAX)
        .expect_err("one entry is damaged");
    assert!(
        matches!(
            error,
            ReadError::Damaged {
                group: 1,
                segment: 1,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(
        log.read(1, 50..100, u64::MAX)
            .expect("these are sound")
            .len(),
        50
    );
}

#[test]
fn after_an_orderly_close_damage_to_the_last_write_is_noticed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = open(small(dir.path())).expect("a new log opens");
    durable(&append(&log, 1, 1, 0..1));
    log.close().expect("closes");
    drop(log);
    let file = &segment_files(dir.path())[0];
    let before = fs::read(file).expect("the segment can be read");
    // The last entry's payload. Behind it are two records of 32 bytes: the one of the idle writer,
    // and the closing one.
    flip(file, before.len() - 32 - 32 - 100);
    let error = open(small(dir.path())).expect_err("damage");
    let vouched = matches!(
        error,
        OpenError::Damaged {
            proof: DamageProof::LaterBatch(_),
            ..
        }
    );
    assert!(vouched, "{error}");
}

#[test]
fn a_missing_segment_is_noticed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = open(small(dir.path())).expect("a new log opens");
    for burst in 0..10 {
        durable(&append(&log, 1, 1, burst * 10..burst * 10 + 10));
    }
    drop(log);
    fs::remove_file(&segment_files(dir.path())[1]).expect("a segment");
    let error = open(small(dir.path())).expect_err("a segment is missing");
    assert!(
        matches!(error, OpenError::MissingSegment { segment: 2 }),
        "{error}"
    );
}

#[test]
fn a_directory_is_open_once() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let _log = open(small(dir.path())).expect("a new log opens");
    let error = open(small(dir.path())).expect_err("it is open already");
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
}

#[test]
fn figures_and_hooks_tell_what_happens() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let syncs = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&syncs);
    let mut hooks = LogHooks::new(Arc::new(|error| panic!("the log failed: {error}")));
    hooks.fsynced = Some(Arc::new(move |_: Duration| {
        _ = seen.fetch_add(1, Ordering::SeqCst);
    }));
    let log = FileLog::open(small(dir.path()), hooks).expect("a new log opens");
    durable(&append(&log, 1, 1, 0..100));
    let stats = log.stats();
    assert_eq!(stats.appended_entries(), 100);
    assert_eq!(stats.live_bytes(), log.usage(1).bytes);
    assert!(stats.disk_bytes() > stats.live_bytes());
    assert_eq!(stats.segments(), log.segments().len() as u64);
    assert!(stats.cached_bytes() <= small(dir.path()).cache_bytes);
    assert_eq!(stats.fsyncs(), syncs.load(Ordering::SeqCst) as u64);
    assert_eq!(log.budget().used_bytes(), 0);
    assert_eq!(CONTROL_BYTES, 128);
}

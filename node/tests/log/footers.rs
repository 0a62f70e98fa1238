//! Footers: what they say equals what the whole segments say, and a crash while a segment is sealed
//! costs nothing.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use fastrand::Rng;
use homeroom_node::store::log::{
    FileLog, GroupState, GroupUsage, LogEngine, LogEntry, OpenError, SegmentUsage, VerifyError,
};
use tempfile::TempDir;

use crate::crash::Run;
use crate::files::{File, copy_of, move_mark, scratch_dir, segments_in};
use crate::history::{Change, History, payload_hash};
use crate::support::*;

type Everything = (
    Vec<(u16, GroupState, GroupUsage, Vec<LogEntry>)>,
    Vec<SegmentUsage>,
);

/// All that a log answers, after a restart and before a write.
fn everything(dir: &Path) -> Everything {
    everything_in(&open(small(dir)).expect("it opens"))
}

fn everything_in(log: &FileLog) -> Everything {
    let of = |id| (id, log.state(id), log.usage(id), read_all(log, id));
    let groups = log.groups().into_iter().map(of).collect();
    (groups, log.segments())
}

/// Blank bytes behind the footers, as a crash may leave them: footers are not looked for there.
fn hide_footers(dir: &Path) {
    let mut files = segments_in(dir);
    files.pop();
    for file in &mut files {
        let len = file.bytes.len() + 8;
        file.bytes.resize(len, 0);
        file.save();
    }
}

#[test]
fn a_recovery_by_footers_equals_one_by_all_records() {
    let mut rng = Rng::with_seed(seed("footers"));
    let (mut sealed, mut live) = (0, 0);
    for _ in 0..12 {
        let mut run = Run::new(rng.fork());
        for _ in 0..rng.usize(1..60) {
            run.burst();
        }
        let with = copy_of(run.dir.path());
        let without = copy_of(run.dir.path());
        hide_footers(without.path());
        let footers = segments_in(with.path());
        sealed += footers
            .iter()
            .filter(|file| file.footer().is_some())
            .count();
        let found = everything(with.path());
        assert!(found == everything(without.path()), "without footers");
        let newest = found.1.last().map_or(0, |row| row.segment);
        let older = found.1.iter().filter(|row| row.segment < newest);
        live += older.map(|row| row.live_entries).sum::<u64>();
        // Some with, some without, and the log goes on.
        let some = copy_of(run.dir.path());
        for file in segments_in(some.path()).iter_mut().rev().skip(1) {
            if rng.bool() {
                let len = file.bytes.len() + rng.usize(1..5000);
                file.bytes.resize(len, 0);
                file.save();
            }
        }
        assert!(found == everything(some.path()), "with some");
        assert!(
            everything(some.path()).0 == found.0,
            "after another restart"
        );
    }
    assert!(
        sealed > 20 && live > 100,
        "{sealed} segments, {live} entries"
    );
}

/// A log whose last write sealed a segment, as a crash leaves it before the next one is created.
/// The mark is that before the last batch of this one.
struct Sealed {
    dir: TempDir,
    history: History,
    /// Changes that were acknowledged before that write.
    acknowledged: usize,
}

impl Sealed {
    fn new() -> Self {
        let dir = scratch_dir();
        let mut config = small(dir.path());
        config.preallocate_from_bytes = u64::MAX;
        let log = open(config).expect("a new log opens");
        let (mut history, mut acknowledged) = (History::default(), 0);
        let write = |history: &mut History, index: u64| {
            let entry = entry(1, position(1, index), 300);
            history.push(1, Change::Entry(entry.position, payload_hash(&entry)));
            durable(&append(&log, 1, 1, index..index + 1));
        };
        durable(&save_vote(&log, 2, vote(7)));
        history.push(2, Change::Vote(vote(7)));
        for index in 0.. {
            acknowledged = if segments(&log) < 3 {
                history.len()
            } else {
                acknowledged
            };
            write(&mut history, index);
            if segments(&log) == 4 {
                break;
            }
        }
        // The write that did not fit is in the newest segment.
        history.cut(history.len() - 1, 0, 0);
        drop(log);
        let newest = segments_in(dir.path()).pop().expect("a segment");
        fs::remove_file(newest.path).expect("a segment");
        let file = last(dir.path());
        let (begin, crc) = file.before_last_batch();
        move_mark(dir.path(), file.segment(), begin, crc);
        Self {
            dir,
            history,
            acknowledged,
        }
    }
}

fn segments(log: &FileLog) -> usize {
    log.segments().len()
}

fn last(dir: &Path) -> File {
    segments_in(dir).pop().expect("a segment")
}

#[test]
fn a_crash_at_any_byte_while_a_segment_is_sealed_loses_nothing_acknowledged() {
    let sealed = Sealed::new();
    let file = last(sealed.dir.path());
    let (footer, end) = file.footer().expect("it was sealed");
    let (begin, _) = file.before_last_batch();
    assert!(begin <= footer);
    let mut whole = 0;
    for at in begin..=end {
        let torn = copy_of(sealed.dir.path());
        last(torn.path()).resize(at);
        let log = open(small(torn.path())).expect("it opens");
        let found = sealed.history.find(&log).expect("readable");
        let found = found.expect("a state that was");
        assert!(found >= sealed.acknowledged, "cut at {at}");
        whole += usize::from(found == sealed.history.len());
        if at % 16 == 0 || at == end {
            // The segment goes on behind its footer, and is sealed once more.
            let next = log.state(1).last.expect("entries").index + 1;
            for index in next..next + 30 {
                durable(&append(&log, 1, 1, index..index + 1));
            }
            let entries = read_all(&log, 1);
            drop(log);
            assert!(everything(torn.path()).0[0].3 == entries, "cut at {at}");
        }
    }
    assert!(whole > 1);
}

#[test]
fn every_damaged_byte_of_a_footer_is_no_other_state() {
    let sealed = Sealed::new();
    let dir = copy_of(sealed.dir.path());
    let log = open(small(dir.path())).expect("it opens");
    for index in 0..30 {
        durable(&append(&log, 3, 1, index..index + 1));
    }
    drop(log);
    let unopened = copy_of(dir.path());
    let expected = everything(unopened.path());
    let file = segments_in(dir.path()).swap_remove(1);
    let (begin, end) = file.footer().expect("it was sealed");
    let mut refused = 0;
    for at in begin..end {
        for bits in [1, 0x80, 0xff] {
            let copy = copy_of(dir.path());
            let mut file = segments_in(copy.path()).swap_remove(1);
            file.bytes[at] ^= bits;
            file.save();
            match open(small(copy.path())) {
                Ok(log) => assert!(everything_in(&log) == expected, "byte {at}"),
                Err(_) => refused += 1,
            }
        }
    }
    // Only where nothing says any more that it is a footer.
    assert_eq!(refused, 3 * 32);
}

#[test]
fn a_cut_sealed_segment_is_noticed_at_once() {
    let sealed = Sealed::new();
    let file = segments_in(sealed.dir.path()).swap_remove(1);
    for at in (0..file.bytes.len()).step_by(7) {
        let copy = copy_of(sealed.dir.path());
        segments_in(copy.path()).swap_remove(1).resize(at);
        let error = open(small(copy.path())).expect_err("damage");
        let is_of_it = matches!(error, OpenError::Damaged { segment: 2, .. });
        assert!(is_of_it, "cut at {at}: {error}");
    }
}

#[test]
fn a_scrub_finds_damage_in_a_sealed_segment() {
    let dir = scratch_dir();
    let log = open(small(dir.path())).expect("a new log opens");
    for index in 0..200 {
        durable(&append(&log, 1, 1, index..index + 1));
    }
    let segments = log.scrubbable();
    assert!(segments.len() > 3 && segments.len() + 3 == log.segments().len());
    let read = Cell::new(0);
    let pace = |bytes| {
        read.set(read.get() + bytes);
        Ok(())
    };
    for segment in &segments {
        log.verify(*segment, &pace).expect("sound");
    }
    assert!(read.get() as u64 >= log.segments()[0].bytes);
    let mut rng = Rng::with_seed(seed("footers"));
    let sound = segments_in(dir.path()).swap_remove(1);
    for record in sound.records() {
        // Any bit that has a meaning: not of the padding, which is at the end.
        let at = rng.usize(record.offset..record.end - 7);
        let mut bytes = sound.bytes.clone();
        bytes[at] ^= 1 << rng.u32(..8);
        fs::write(&sound.path, bytes).expect("damaged");
        let error = log.verify(2, &pace).expect_err("damage");
        let VerifyError::Damaged { segment: 2, offset } = error else {
            panic!("{error}");
        };
        assert_eq!(offset as usize, record.offset);
    }
    sound.save();
    log.verify(2, &pace).expect("sound again");
    let given_up = log.verify(2, &|_| Err(std::io::Error::other("stop")));
    assert!(matches!(given_up, Err(VerifyError::Io { segment: 2, .. })));
    // Deleted: there is nothing to verify.
    log.verify(1 << 40, &pace).expect("nothing there");
}

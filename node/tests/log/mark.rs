//! The mark: damage to what was acknowledged last is no torn tail.

use std::fs;
use std::path::Path;

use homeroom_node::store::log::{DamageProof, FileLog, MarkFault, OpenError};
use tempfile::TempDir;

use crate::files::{File, copy_of, lose_mark, mark_in, scratch_dir, segments_in, set_mark};
use crate::gate::Gate;
use crate::support::*;

const GROUP: u16 = 1;
/// Bytes without a meaning at the end of a record with 40 bytes of fields and 300 of payload.
const PADDING: usize = 4;

type Loss<'a> = &'a dyn Fn(&Path);

/// A log with two batches that an idle writer has vouched for, and what a crash during the second
/// one's fdatasync would leave.
struct Written {
    log: FileLog,
    dir: TempDir,
    mark_before: Vec<u8>,
}

impl Written {
    fn new() -> Self {
        let (dir, gate) = (scratch_dir(), Gate::default());
        let log = gate.open(dir.path()).expect("a new log opens");
        for index in 0..2 {
            durable(&append(&log, GROUP, 1, index..index + 1));
        }
        // The idle writer vouches for the last batch.
        while newest(dir.path()).end() as u64 == end_of(&log) {
            std::thread::yield_now();
        }
        let mark_before = gate.mark_before(dir.path());
        Self {
            log,
            dir,
            mark_before,
        }
    }

    /// A copy, whose newest segment `harm` changes.
    fn copy(&self, harm: impl FnOnce(&mut File)) -> TempDir {
        let copy = copy_of(self.dir.path());
        let mut file = newest(copy.path());
        harm(&mut file);
        file.save();
        copy
    }
}

fn newest(dir: &Path) -> File {
    segments_in(dir).pop().expect("a segment")
}

fn end_of(log: &FileLog) -> u64 {
    log.segments().last().expect("an active segment").bytes
}

fn entries_in(dir: &Path) -> usize {
    let log = open(small(dir)).expect("it opens");
    read_all(&log, GROUP).len()
}

/// The log must not open because of damage that only the mark proves.
fn assert_noticed(dir: &Path, end: u64, what: &str) {
    let error = open(small(dir)).expect_err(what);
    let OpenError::Damaged { offset, proof, .. } = error else {
        panic!("{what}: {error}");
    };
    assert_eq!(proof, DamageProof::Mark(end as u32), "{what}");
    assert!(u64::from(offset) < end, "{what}: {offset}");
}

#[test]
fn damage_at_every_byte_of_the_last_record_is_noticed() {
    let written = Written::new();
    let end = end_of(&written.log);
    let (start, last_end) = newest(written.dir.path()).last_batch();
    assert_eq!(last_end as u64, end);
    for at in start..last_end - PADDING {
        let flipped = written.copy(|file| {
            file.lose_from(last_end);
            file.bytes[at] ^= 1;
        });
        assert_noticed(flipped.path(), end, &format!("byte {at} flipped"));
    }
    for at in last_end - PADDING..last_end {
        let flipped = written.copy(|file| file.bytes[at] ^= 1);
        assert_eq!(entries_in(flipped.path()), 2, "byte {at} has no meaning");
    }
}

#[test]
fn a_newest_segment_that_is_cut_or_blanked_anywhere_before_the_mark_is_noticed() {
    let written = Written::new();
    let end = end_of(&written.log);
    for at in 0..end as usize {
        let cut = written.copy(|file| file.resize(at));
        assert_noticed(cut.path(), end, &format!("cut at {at}"));
        if at == end as usize - PADDING {
            // From there on there are zeros anyway.
            break;
        }
        let blanked = written.copy(|file| file.bytes[at..].fill(0));
        assert_noticed(blanked.path(), end, &format!("blanked from {at}"));
    }
}

#[test]
fn a_tear_at_every_byte_behind_the_mark_is_cut() {
    let written = Written::new();
    let (start, end) = newest(written.dir.path()).last_batch();
    for at in start..end {
        let torn = written.copy(|file| file.resize(at));
        set_mark(torn.path(), &written.mark_before);
        assert_eq!(entries_in(torn.path()), 1, "torn at {at}");
        let garbled = written.copy(|file| {
            file.lose_from(end);
            file.bytes[at..end].fill(0xa5);
        });
        set_mark(garbled.path(), &written.mark_before);
        let left = if at < end - PADDING { 1 } else { 2 };
        assert_eq!(entries_in(garbled.path()), left, "garbled from {at}");
    }
    // Whole, but its fdatasync was not confirmed: it is there, and vouched for from now on.
    let whole = written.copy(|file| file.lose_from(end));
    set_mark(whole.path(), &written.mark_before);
    assert_eq!(entries_in(whole.path()), 2);
    let mut file = newest(whole.path());
    file.resize(end - 8);
    open(small(whole.path())).expect_err("damage");
}

#[test]
fn a_lost_newest_segment_is_noticed() {
    for entries in [1, 40] {
        let dir = scratch_dir();
        let log = open(small(dir.path())).expect("a new log opens");
        for index in 0..entries {
            durable(&append(&log, GROUP, 1, index..index + 1));
        }
        drop(log);
        let lost = newest(dir.path());
        fs::remove_file(&lost.path).expect("a segment to lose");
        let error = open(small(dir.path())).expect_err("a segment is missing");
        let missing = lost.segment();
        assert!(
            matches!(error, OpenError::MissingSegment { segment } if segment == missing),
            "{error}"
        );
    }
}

#[test]
fn an_older_copy_of_the_newest_segment_is_noticed() {
    let written = Written::new();
    let older = copy_of(written.dir.path());
    durable(&append(&written.log, GROUP, 1, 2..3));
    let end = end_of(&written.log);
    let mark = mark_in(written.dir.path()).expect("a mark");
    set_mark(older.path(), &mark);
    assert_noticed(older.path(), end, "an older copy");
    // One that went on otherwise has another record where the marked one ends.
    let other = copy_of(written.dir.path());
    set_mark(other.path(), &written.mark_before);
    let mut file = newest(other.path());
    let (start, _) = file.last_batch();
    file.resize(start);
    let log = open(small(other.path())).expect("the tail is cut");
    durable(&append(&log, GROUP, 7, 2..4));
    drop(log);
    assert!(newest(other.path()).end() as u64 > end);
    set_mark(other.path(), &mark);
    let error = open(small(other.path())).expect_err("other records");
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[test]
fn a_lost_mark_is_said_until_an_operator_accepts_it() {
    let written = Written::new();
    let other = Written::new();
    let foreign = mark_in(other.dir.path()).expect("a mark");
    let losses: [(MarkFault, Loss<'_>); 4] = [
        (MarkFault::Missing, &|dir| lose_mark(dir)),
        (MarkFault::Damaged, &|dir| set_mark(dir, &[])),
        (MarkFault::Damaged, &|dir| set_mark(dir, &[7; 3 * 4096])),
        (MarkFault::Foreign, &|dir| set_mark(dir, &foreign)),
    ];
    for (expected, lose) in losses {
        let copy = copy_of(written.dir.path());
        lose(copy.path());
        for _ in 0..2 {
            let error = open(small(copy.path())).expect_err("the mark is lost");
            let OpenError::Mark { fault, accept, .. } = error else {
                panic!("{expected:?}: {error}");
            };
            assert_eq!(fault, expected);
            assert_eq!(accept, copy.path().join("accept-lost-mark"));
        }
        let accept = copy.path().join("accept-lost-mark");
        fs::write(&accept, []).expect("an operator may write");
        assert_eq!(entries_in(copy.path()), 2);
        assert!(!accept.exists(), "it is accepted once");
        assert_eq!(entries_in(copy.path()), 2);
        lose_mark(copy.path());
        open(small(copy.path())).expect_err("there is a mark to lose again");
    }
}

#[test]
fn any_slot_of_the_mark_may_be_lost() {
    let written = Written::new();
    for slot in 0..3 {
        let copy = copy_of(written.dir.path());
        let mut mark = mark_in(copy.path()).expect("a mark");
        mark[slot * 4096..][..4096].fill(0xee);
        set_mark(copy.path(), &mark);
        assert_eq!(entries_in(copy.path()), 2, "slot {slot}");
    }
}

#[test]
fn a_log_of_the_build_before_gets_a_mark() {
    let written = Written::new();
    let (start, end) = newest(written.dir.path()).last_batch();
    for (torn_at, left) in [(end, 2), (end - 8, 1), (start, 1)] {
        let copy = written.copy(|file| {
            file.by_the_build_before(0);
            file.lose_from(torn_at);
        });
        lose_mark(copy.path());
        assert_eq!(entries_in(copy.path()), left, "as that build read it");
        lose_mark(copy.path());
        let error = open(small(copy.path())).expect_err("it had a mark");
        assert!(matches!(error, OpenError::Mark { .. }), "{error}");
    }
    // That build writes on and leaves an old mark behind.
    let copy = written.copy(|file| file.by_the_build_before(start));
    set_mark(copy.path(), &written.mark_before);
    assert_eq!(entries_in(copy.path()), 2);
}

#[test]
fn a_log_whose_creation_was_interrupted_opens() {
    let dir = scratch_dir();
    let log = open(small(dir.path())).expect("a new log opens");
    drop(log);
    let whole = newest(dir.path());
    let head_end = whole.records()[0].end;
    // As the mark was before the first segment was durable.
    let empty = {
        let mut mark = mark_in(dir.path()).expect("a mark")[..4096].to_vec();
        mark[24..40].fill(0);
        let crc = crc32c::crc32c_append(crc32c::crc32c(&mark[0..12]), &mark[16..40]);
        mark[12..16].copy_from_slice(&crc.to_le_bytes());
        mark.repeat(3)
    };
    for len in (0..=head_end).rev().map(Some).chain([None]) {
        let copy = scratch_dir();
        set_mark(copy.path(), &empty);
        if let Some(len) = len {
            let name = whole.path.file_name().expect("a name");
            let file = copy.path().join(name);
            fs::write(file, &whole.bytes[..len]).expect("a segment");
        }
        let log = open(small(copy.path())).expect("it opens");
        durable(&append(&log, GROUP, 1, 0..1));
        drop(log);
        assert_eq!(entries_in(copy.path()), 1, "{len:?}");
    }
}

/// A page cache that holds what a failed fdatasync did not write would be read as durable.
#[test]
fn the_newest_segment_is_read_from_the_disk() {
    let Some(before) = bytes_read_from_disk() else {
        println!("the system does not count what a thread reads from the disk");
        return;
    };
    // Beside the test's binary: a temporary directory may be in memory.
    let exe = std::env::current_exe().expect("this test's binary");
    let dir = tempfile::tempdir_in(exe.parent().expect("a folder")).expect("a directory");
    let log = open(small(dir.path())).expect("a new log opens");
    durable(&append(&log, GROUP, 1, 0..10));
    drop(log);
    let cached = newest(dir.path());
    let log = open(small(dir.path())).expect("it opens");
    let read = bytes_read_from_disk().expect("as before") - before;
    assert!(read >= cached.bytes.len() as u64, "only {read} bytes");
    drop(log);
}

/// Bytes that this thread read from the disk itself.
fn bytes_read_from_disk() -> Option<u64> {
    let counted = fs::read_to_string("/proc/thread-self/io").ok()?;
    let mut lines = counted.lines();
    let line = lines.find_map(|line| line.strip_prefix("read_bytes:"))?;
    line.trim().parse().ok()
}

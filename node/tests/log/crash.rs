//! Thousands of crashes and damages: copies of a real log directory are damaged and opened again.
//!
//! The oracle is exact. A log that opens must be in a state that it really had, not older than the
//! acknowledged one. Otherwise the open must fail and leave the directory unchanged.
//! `HOMEROOM_LOG_CRASHES` sets the number of runs.

use std::collections::BTreeMap;

use fastrand::Rng;
use homeroom_node::store::log::{FileLog, GroupId, ReadError};
use tempfile::TempDir;

use crate::files::{copy_of, mark_in, scratch_dir, segments_in, set_mark};
use crate::gate::Gate;
use crate::harm::Harm;
use crate::history::{Change, History, payload_hash};
use crate::support::*;

const GROUPS: GroupId = 5;
const BURSTS_PER_LOG: usize = 40;
const CRASHES_PER_BURST: usize = 10;

#[test]
fn a_crash_loses_nothing_acknowledged_and_damage_is_never_served() {
    let seed = seed("crash");
    let crashes = std::env::var("HOMEROOM_LOG_CRASHES").ok();
    let crashes: usize = crashes.map_or(2000, |count| count.parse().expect("a number"));
    let mut rng = Rng::with_seed(seed);
    let mut tally = BTreeMap::<_, usize>::new();
    let mut done = 0;
    while done < crashes {
        let mut run = Run::new(rng.fork());
        for _ in 0..BURSTS_PER_LOG {
            run.burst();
            for _ in 0..CRASHES_PER_BURST {
                *tally.entry(run.crash()).or_default() += 1;
                done += 1;
            }
        }
    }
    let of_kind = |wanted| tally.keys().filter(|(_, kind, _)| *kind == wanted).count();
    assert!(of_kind("prepared") > 0 && of_kind("grown") > 0);
    for ((harm, kind, outcome), count) in tally {
        println!("{count:>6} times {harm}, newest {kind}: {outcome}");
    }
}

/// A log that is written, crashed and continued.
pub struct Run {
    rng: Rng,
    /// Declared before its directory, so that it is closed first.
    pub log: FileLog,
    pub dir: TempDir,
    gate: Gate,
    pub history: History,
    term: u64,
}

impl Run {
    pub fn new(rng: Rng) -> Self {
        let (dir, gate) = (scratch_dir(), Gate::default());
        let log = gate.open(dir.path()).expect("a new log opens");
        Self {
            rng,
            log,
            dir,
            gate,
            history: History::default(),
            term: 1,
        }
    }

    /// Two batches: one with a single vote, and one with the few writes that arrive while the first
    /// is held back from the disk.
    pub fn burst(&mut self) {
        self.gate.shut();
        let mut acks = vec![self.vote(0)];
        self.gate.wait_until_it_holds();
        for _ in 0..self.rng.usize(1..8) {
            acks.extend(self.write());
        }
        // A truncation or a purge has no acknowledgement of its own; that of a later vote serves
        // for it.
        acks.push(self.vote(0));
        self.gate.release();
        acks.iter().for_each(durable);
        self.mark();
        self.rest();
    }

    fn mark(&mut self) {
        let tail = *self.log.segments().last().expect("an active segment");
        self.history.mark(tail.segment, tail.bytes);
    }

    /// Waits until the writer is idle: segments are deleted, and the last batch is followed by a
    /// record that proves its durability.
    fn rest(&self) {
        loop {
            let segments = self.log.segments();
            let files = segments_in(self.dir.path());
            let (Some(tail), Some(file)) = (segments.last(), files.last()) else {
                continue;
            };
            let dead = |segment| segment + 1 < tail.segment;
            let deletes = segments
                .iter()
                .any(|row| row.live_entries == 0 && dead(row.segment));
            let full = tail.bytes + 128 > small(self.dir.path()).segment_bytes;
            let vouched = full || file.end() as u64 > tail.bytes;
            if !deletes && vouched && files.len() == segments.len() {
                return;
            }
            std::thread::yield_now();
        }
    }

    fn write(&mut self) -> Option<Ack> {
        let group = self.rng.u16(1..=GROUPS);
        let known = self.history.groups.get(&group).cloned().unwrap_or_default();
        let (first, last) = (known.first_index(), known.last_index());
        match self.rng.u32(0..100) {
            0..60 => {
                let start = self.rng.u64(0..3);
                return Some(self.append(group, last.map_or(start, |last| last + 1)));
            }
            60..70 => return Some(self.vote(group)),
            70..80 => {
                let ends = first.zip(last).filter(|_| self.rng.u8(..) > 20);
                let keep = ends.and_then(|(first, last)| {
                    known.position(self.rng.u64(first.max(last.saturating_sub(6))..=last))
                });
                truncate(&self.log, group, keep);
                self.history.push(group, Change::Truncate(keep));
            }
            80..98 => {
                let first = first?;
                let upto = self.rng.u64(first..=last.unwrap_or(first) + 1);
                let upto = known.position(upto).unwrap_or(position(self.term, upto));
                purge(&self.log, group, upto);
                self.history.push(group, Change::Purge(upto));
            }
            _ => {
                self.history.push(group, Change::Remove);
                return Some(remove(&self.log, group));
            }
        }
        None
    }

    fn vote(&mut self, group: GroupId) -> Ack {
        self.term += 1;
        self.history.push(group, Change::Vote(vote(self.term)));
        save_vote(&self.log, group, vote(self.term))
    }

    fn append(&mut self, group: GroupId, first: u64) -> Ack {
        let mut entries = Vec::new();
        for index in first..first + self.rng.u64(1..6) {
            let bytes_max = if self.rng.u8(..) < 8 { 9000 } else { 400 };
            let entry = entry(
                group,
                position(self.term, index),
                self.rng.usize(..bytes_max),
            );
            self.history
                .push(group, Change::Entry(entry.position, payload_hash(&entry)));
            entries.push(entry);
        }
        try_append(&self.log, group, entries).expect("the append follows")
    }

    /// Damages a copy, opens it and checks the result; now and then continues from the recovered
    /// log.
    fn crash(&mut self) -> (&'static str, &'static str, &'static str) {
        let copy = copy_of(self.dir.path());
        let mut files = segments_in(copy.path());
        let newest = files.last().expect("an active segment");
        let kind = match newest.is_prepared() {
            true => "prepared",
            false => "grown",
        };
        let Harm {
            name,
            least,
            may_refuse,
            before_sync,
            unreadable_max,
            stays,
        } = Harm::draw(&mut self.rng, copy.path(), &mut files, &self.history);
        if before_sync {
            set_mark(copy.path(), &self.gate.mark_before(self.dir.path()));
        }
        let mark = mark_in(copy.path());
        let log = match self.gate.open(copy.path()) {
            Ok(log) => log,
            Err(error) => {
                assert!(may_refuse(&error), "{name}: {error}");
                let left = (segments_in(copy.path()), mark_in(copy.path()));
                assert!((files, mark) == left, "{name}: a refused log was changed");
                return (name, kind, "refused");
            }
        };
        let found = match self.history.find(&log) {
            Err(ReadError::Damaged { .. }) if unreadable_max > 0 => {
                let unreadable = self.history.unreadable(&log);
                assert!((1..=unreadable_max).contains(&unreadable), "{name}");
                return (name, kind, "found by a read");
            }
            found => found.expect("what was recovered can be read"),
        };
        let found = found.unwrap_or_else(|| panic!("{name}: this state never was"));
        assert!(
            found >= least,
            "{name}: {found} changes left of {least} acknowledged"
        );
        let outcome = if found == self.history.len() {
            "whole"
        } else {
            "an earlier state"
        };
        match self.rng.u32(0..10) {
            0 if !stays => self.go_on(copy, log, found),
            1..4 => {
                drop(log);
                let log = open(small(copy.path())).expect("it opens once more");
                assert_eq!(
                    self.history.find(&log).expect("readable"),
                    Some(found),
                    "{name}"
                );
            }
            _ => {}
        }
        (name, kind, outcome)
    }

    fn go_on(&mut self, copy: TempDir, log: FileLog, found: usize) {
        self.log = log;
        self.dir = copy;
        let tail = *self.log.segments().last().expect("an active segment");
        self.history.cut(found, tail.segment, tail.bytes);
        self.rest();
        // So that this log too has had an fdatasync that a crash can come before.
        self.burst();
    }
}

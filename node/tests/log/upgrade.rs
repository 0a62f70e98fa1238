//! A log that the build before wrote, which had no footers. Its files are in `fixtures`.

use std::path::Path;

use homeroom_node::store::log::{Flushing, LogConfig, LogEngine, MemoryLog, SegmentUsage};

use crate::files::{copy_of, segments_in};
use crate::history::{Change, History, payload_hash};
use crate::support::*;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/log/fixtures/no_footers");

fn config(dir: &Path) -> LogConfig {
    let mut config = LogConfig::new(dir);
    config.segment_bytes = 4 << 10;
    config.cache_bytes = 0;
    config.preallocate_from_bytes = u64::MAX;
    config
}

/// What the build before wrote: entries of three groups over several segments, with all other kinds
/// of writes among them.
fn write(log: &dyn LogEngine) -> History {
    let mut history = History::default();
    let mut last = None;
    let entries = |history: &mut History, group, term, range: std::ops::Range<u64>| {
        for index in range.clone() {
            let entry = entry(group, position(term, index), 300);
            history.push(group, Change::Entry(entry.position, payload_hash(&entry)));
        }
        append(log, group, term, range)
    };
    for round in 0..5 {
        let at = round * 8;
        durable(&entries(&mut history, 1, 1 + round, at..at + 8));
        durable(&entries(&mut history, 2, 1, 3 + at / 2..7 + at / 2));
        let of_last = entries(&mut history, 3, 9 + round, 0..2);
        durable(&of_last);
        durable(&save_vote(log, 1, vote(round)));
        history.push(1, Change::Vote(vote(round)));
        last = Some(remove(log, 3));
        history.push(3, Change::Remove);
    }
    durable(&last.expect("several rounds"));
    let keep = Some(position(5, 37));
    truncate(log, 1, keep);
    history.push(1, Change::Truncate(keep));
    purge(log, 1, position(2, 9));
    history.push(1, Change::Purge(position(2, 9)));
    durable(&entries(&mut history, 1, 7, 38..40));
    durable(&entries(&mut history, 3, 20, 4..5));
    history
}

#[test]
fn a_log_without_footers_opens_with_all_its_data() {
    let history = write(&MemoryLog::new(Flushing::AtOnce, 1 << 20));
    let dir = copy_of(Path::new(FIXTURE));
    assert!(
        segments_in(dir.path())
            .iter()
            .all(|file| file.footer().is_none())
    );
    let log = open(config(dir.path())).expect("it opens");
    assert_eq!(history.find(&log).expect("readable"), Some(history.len()));
    // This build goes on with footers, the older segments stay without.
    durable(&append(&log, 9, 1, 0..40));
    let before = log.segments();
    drop(log);
    let with = segments_in(dir.path());
    assert!(with.iter().filter(|file| file.footer().is_some()).count() > 2);
    let log = open(config(dir.path())).expect("it opens again");
    assert_eq!(indexes(&log, 9), (0..40).collect::<Vec<_>>());
    let without = |rows: Vec<SegmentUsage>| {
        let mut rows = rows;
        rows.iter_mut().for_each(|row| row.bytes = 0);
        rows
    };
    assert_eq!(without(log.segments()), without(before));
    durable(&remove(&log, 9));
    assert_eq!(history.find(&log).expect("readable"), Some(history.len()));
}

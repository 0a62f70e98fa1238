//! A real process that is killed by SIGKILL during its writes, repeatedly on one directory.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use fastrand::Rng;
use homeroom_node::store::log::{FileLog, GroupId, LogEngine, OpenError};

use crate::files::{copy_of, segments_in};
use crate::support::*;

const CHILD_DIR: &str = "HOMEROOM_LOG_KILL_DIR";
const GROUPS: GroupId = 4;
const KILLS: usize = 12;
/// Damaged copies of what each killed process left.
const HARMS: usize = 10;

#[test]
fn what_a_killed_process_acknowledged_is_there() {
    let mut rng = Rng::with_seed(seed("kill"));
    let dir = tempfile::tempdir().expect("a temporary directory");
    // The next index of each group, as far as acknowledged.
    let mut acknowledged = [0; GROUPS as usize];
    let mut refused = 0;
    for _ in 0..KILLS {
        run_and_kill(dir.path(), rng.usize(1..300), &mut acknowledged);
        for _ in 0..HARMS {
            refused += usize::from(is_refused_when_harmed(dir.path(), &mut rng, &acknowledged));
        }
        let log = open(small(dir.path())).expect("the log opens after a kill");
        for group in 0..GROUPS {
            for found in read_all(&log, group) {
                assert_eq!(found, written(group, found.position.index));
            }
        }
        assert_all_there(&log, &acknowledged);
        log.close().expect("closes");
    }
    assert!(refused > 0, "no harm reached what was acknowledged");
    println!("acknowledged before the last kill: {acknowledged:?}");
}

fn assert_all_there(log: &FileLog, acknowledged: &[u64]) {
    for (group, next) in (0..GROUPS).zip(acknowledged) {
        let last = log.state(group).last.map_or(0, |last| last.index + 1);
        assert!(
            last >= *next,
            "group {group}: {last} entries left of {next} acknowledged"
        );
    }
}

/// Damages the end of a copy of what the killed process left. All that was acknowledged must be
/// there, or the log refused.
fn is_refused_when_harmed(dir: &Path, rng: &mut Rng, acknowledged: &[u64]) -> bool {
    let copy = copy_of(dir);
    let mut file = segments_in(copy.path()).pop().expect("a segment");
    let written = file.bytes.iter().rposition(|byte| *byte != 0);
    let end = written.map_or(0, |last| last + 1);
    let from = end - rng.usize(..=end.min(1024));
    match rng.u8(..4) {
        0 => file.bytes[from..end].fill(0),
        1 => file.bytes.truncate(from),
        2 => rng.fill(&mut file.bytes[from..end]),
        _ => {
            fs::remove_file(&file.path).expect("a segment to lose");
            file.path = copy.path().join("lost");
        }
    }
    file.save();
    match open(small(copy.path())) {
        Ok(log) => {
            assert_all_there(&log, acknowledged);
            false
        }
        Err(OpenError::Damaged { .. } | OpenError::MissingSegment { .. }) => true,
        Err(error) => panic!("{error}"),
    }
}

/// Starts a writer, kills it after `acks` acknowledgements, and collects its output.
fn run_and_kill(dir: &Path, acks: usize, acknowledged: &mut [u64]) {
    let mut child = Command::new(std::env::current_exe().expect("this test's binary"))
        .args([
            "kill::child_writes_until_killed",
            "--exact",
            "--nocapture",
            "--ignored",
        ])
        .env(CHILD_DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    let mut seen = 0;
    // A line without an end was cut by the kill, and does not count.
    while lines.read_line(&mut line).expect("the pipe can be read") > 0 && line.ends_with('\n') {
        if let Some((group, next)) = line.trim_end().strip_prefix("ack ").and_then(numbers) {
            acknowledged[group] = next.max(acknowledged[group]);
            seen += 1;
        }
        if seen == acks {
            child.kill().expect("the child can be killed");
            seen += 1;
        }
        line.clear();
    }
    let status = child.wait().expect("the child ends");
    assert!(
        !status.success() && seen > acks,
        "the child ended by itself: {status}"
    );
}

fn numbers(line: &str) -> Option<(usize, u64)> {
    let (group, next) = line.split_once(' ')?;
    Some((group.parse().ok()?, next.parse().ok()?))
}

/// What the child writes at an index; sometimes 3 KB, so that batches span segments.
fn written(group: GroupId, index: u64) -> homeroom_node::store::log::LogEntry {
    let len = if index.is_multiple_of(7) { 3000 } else { 200 };
    entry(group, position(1, index), len)
}

#[test]
#[ignore = "started by the test above, in a process of its own"]
fn child_writes_until_killed() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else {
        return;
    };
    let log = open(small(Path::new(&dir))).expect("the log opens");
    thread::scope(|scope| {
        for group in 0..GROUPS {
            let log = &log;
            scope.spawn(move || write_on(log, group));
        }
    });
}

fn write_on(log: &FileLog, group: GroupId) {
    let mut next = log.state(group).last.map_or(0, |last| last.index + 1);
    loop {
        let entries = (next..next + 3)
            .map(|index| written(group, index))
            .collect();
        durable(&try_append(log, group, entries).expect("the append follows"));
        next += 3;
        let mut out = std::io::stdout().lock();
        if writeln!(out, "ack {group} {next}")
            .and_then(|()| out.flush())
            .is_err()
        {
            return;
        }
        if next.is_multiple_of(50) {
            purge(log, group, position(1, next - 40));
        }
    }
}

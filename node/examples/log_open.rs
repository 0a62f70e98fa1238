//! Measures how long a log takes to open: `log_open DIR GIB ENTRY_BYTES GROUPS`.
//!
//! Writes the log into the folder, unless one is there. Then opens it with a cold page cache (as
//! root) and with a warm one, and reads the last 100 MB of it as a replay does.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Instant;

use bytes::Bytes;
use futures::executor::block_on;
use homeroom_node::store::log::{
    FileLog, GroupId, Leader, LogConfig, LogEngine, LogEntry, LogHooks, Position, append_bytes,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Bytes that are read after each open.
const REPLAYED_BYTES: u64 = 100 << 20;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dir, gib, entry_bytes, groups] = &arguments[..] else {
        return Err("usage: log_open DIR GIB ENTRY_BYTES GROUPS".into());
    };
    let (dir, groups) = (Path::new(dir), groups.parse()?);
    if FileLog::is_missing_in(dir).unwrap_or(true) {
        let bytes = gib.parse::<u64>()? << 30;
        let begun = Instant::now();
        write(dir, bytes, entry_bytes.parse()?, groups)?;
        println!("written in {:.1?}", begun.elapsed());
    }
    for cache in ["cold", "cold", "cold", "warm", "warm"] {
        if cache == "cold" && fs::write("/proc/sys/vm/drop_caches", "3").is_err() {
            println!("the page cache was not dropped: that needs root");
        }
        let begun = Instant::now();
        let log = open(dir)?;
        let opened = begun.elapsed();
        let bytes = log.segments().iter().map(|row| row.bytes).sum::<u64>();
        let entries = log
            .segments()
            .iter()
            .map(|row| row.live_entries)
            .sum::<u64>();
        let begun = Instant::now();
        let read = replay(&log, groups)?;
        println!(
            "{cache}: {:.2} GiB, {entries} entries opened in {opened:.0?}; {} MB read in {:.0?}",
            bytes as f64 / (1_u64 << 30) as f64,
            read >> 20,
            begun.elapsed(),
        );
    }
    Ok(())
}

fn open(dir: &Path) -> Result<FileLog> {
    let hooks = LogHooks::new(Arc::new(|error| eprintln!("the log failed: {error}")));
    Ok(FileLog::open(LogConfig::new(dir), hooks)?)
}

/// Groups take turns, with some 1 MiB in each append.
fn write(dir: &Path, bytes: u64, entry_bytes: usize, groups: GroupId) -> Result<()> {
    let log = open(dir)?;
    let payload = Bytes::from(vec![7; entry_bytes]);
    let in_append = (1 << 20) / (entry_bytes as u64 + 72) + 1;
    let (mut written, mut next) = (0, 0);
    let (send, results) = channel();
    while written < bytes {
        for group in 0..groups {
            let entries = (next..next + in_append).map(|index| LogEntry {
                position: Position {
                    leader: Leader { term: 1, node: 1 },
                    index,
                },
                tag: 1,
                payload: payload.clone(),
            });
            let entries = entries.collect::<Vec<_>>();
            let size = append_bytes(&entries);
            let permit = block_on(log.budget().acquire(size))?;
            let send = send.clone();
            log.append(
                group,
                entries,
                permit,
                Box::new(move |done| drop(send.send(done))),
            )?;
            written += size;
        }
        next += in_append;
    }
    drop(send);
    for result in results {
        result?;
    }
    log.close()?;
    Ok(())
}

/// Reads the end of each group's log.
fn replay(log: &FileLog, groups: GroupId) -> Result<u64> {
    let mut read = 0;
    for group in 0..groups {
        let usage = log.usage(group);
        let share = REPLAYED_BYTES / u64::from(groups);
        let entries = share * usage.entries / usage.bytes.max(1);
        let end = log.state(group).last.map_or(0, |last| last.index + 1);
        let found = log.read(group, end.saturating_sub(entries)..end, u64::MAX)?;
        read += found
            .iter()
            .map(|entry| entry.payload.len() as u64)
            .sum::<u64>();
    }
    Ok(read)
}

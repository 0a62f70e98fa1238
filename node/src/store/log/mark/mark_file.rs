//! The mark's file.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::store::files;
use crate::store::log::format::headers::HeaderFault;
use crate::store::log::format::mark::{Mark, SLOT_BYTES, SLOTS};

const NAME: &str = "mark";
/// Name of the empty file with which an operator accepts that the mark is lost.
pub(crate) const ACCEPT: &str = "accept-lost-mark";

/// The mark's file, open for writing.
///
/// While one slot is made durable, the next one is written. So a torn slot is never the only
/// valid one.
#[derive(Debug)]
pub(crate) struct MarkFile {
    file: File,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The slot that is written.
    slot: usize,
    /// Whether it holds a mark that is not durable.
    is_dirty: bool,
    is_stopped: bool,
}

impl MarkFile {
    /// Opens the file with this mark, durably. A crash leaves the old mark or the new one. Then
    /// removes the operator's acceptance of a lost mark.
    ///
    /// A file of this log is written in place, so that a log on a full disk opens.
    pub(crate) fn open(dir: &Path, mark: Mark) -> io::Result<Self> {
        let path = path(dir);
        let bytes = files::read_file(&path)?.unwrap_or_default();
        let slot = match Mark::furthest(&bytes) {
            Ok((slot, old)) if old.log == mark.log && bytes.len() == SLOTS * SLOT_BYTES => slot + 1,
            _ => {
                files::write_file(&path, &mark.encode().repeat(SLOTS))?;
                0
            }
        };
        let opened = Self {
            file: OpenOptions::new().write(true).open(&path)?,
            state: Mutex::new(State {
                slot: slot % SLOTS,
                ..State::default()
            }),
            changed: Condvar::new(),
        };
        opened.write(mark)?;
        opened.sync()?;
        if files::if_exists(fs::remove_file(dir.join(ACCEPT)))?.is_some() {
            files::sync_dir(dir)?;
        }
        Ok(opened)
    }

    /// Writes a mark to the page cache, where it outlives the process.
    pub(crate) fn write(&self, mark: Mark) -> io::Result<()> {
        let mut state = self.state.lock();
        let at = state.slot * SLOT_BYTES;
        self.file.write_all_at(&mark.encode(), at as u64)?;
        if !state.is_dirty {
            state.is_dirty = true;
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Makes each written mark durable `after` this time, and at once after a stop. Returns after
    /// the stop. To be called by one thread.
    pub(crate) fn keep_durable(&self, after: Duration) -> io::Result<()> {
        let mut state = self.state.lock();
        loop {
            self.changed
                .wait_while(&mut state, |state| !state.is_dirty && !state.is_stopped);
            if !state.is_dirty {
                return Ok(());
            }
            let due = Instant::now() + after;
            while !state.is_stopped && !self.changed.wait_until(&mut state, due).timed_out() {}
            MutexGuard::unlocked(&mut state, || self.sync())?;
        }
    }

    /// Makes the last mark durable. Marks written meanwhile go to the next slot.
    fn sync(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        state.is_dirty = false;
        state.slot = (state.slot + 1) % SLOTS;
        drop(state);
        self.file.sync_data()
    }

    /// Ends [`keep_durable`](Self::keep_durable), once all written marks are durable.
    pub(crate) fn stop(&self) {
        self.state.lock().is_stopped = true;
        self.changed.notify_one();
    }
}

/// Path of the mark in a log's directory.
pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join(NAME)
}

/// Reads the furthest mark; `None` if there is no file.
pub(crate) fn read(dir: &Path) -> io::Result<Option<Result<Mark, HeaderFault>>> {
    let bytes = files::read_file(&path(dir))?;
    Ok(bytes.map(|bytes| Mark::furthest(&bytes).map(|(_, mark)| mark)))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    fn mark(end: u32) -> Mark {
        Mark {
            log: 5,
            segment: 1,
            end,
            record_crc: end,
        }
    }

    #[test]
    fn what_was_written_last_is_read_after_each_write() {
        let dir = tempfile::tempdir().expect("a directory");
        assert_eq!(read(dir.path()).expect("readable"), None);
        let file = MarkFile::open(dir.path(), mark(0)).expect("a file");
        let (synced, syncs) = channel();
        thread::scope(|scope| {
            let keeper = scope.spawn(|| {
                let kept = file.keep_durable(Duration::ZERO);
                synced.send(()).expect("a receiver");
                kept
            });
            for end in 1..300 {
                file.write(mark(end)).expect("written");
                assert_eq!(read(dir.path()).expect("readable"), Some(Ok(mark(end))));
            }
            file.stop();
            syncs.recv().expect("it stops");
            keeper.join().expect("no panic").expect("durable");
        });
        assert!(!file.state.lock().is_dirty);
        // However the slots took turns, each is whole.
        let bytes = fs::read(path(dir.path())).expect("a file");
        assert_eq!(bytes.len(), SLOTS * SLOT_BYTES);
        for slot in bytes.chunks(SLOT_BYTES) {
            assert!(Mark::furthest(slot).is_ok());
        }
    }

    #[test]
    fn the_slots_take_turns_with_each_sync() {
        let dir = tempfile::tempdir().expect("a directory");
        let slots = || {
            let bytes = fs::read(path(dir.path())).expect("a file");
            let slots = bytes.chunks(SLOT_BYTES).map(Mark::furthest);
            let marks = slots.map(|slot| slot.expect("valid").1.end);
            marks.collect::<Vec<_>>()
        };
        let file = MarkFile::open(dir.path(), mark(1)).expect("a file");
        assert_eq!(slots(), [1, 1, 1]);
        for (end, expected) in [(2, [1, 2, 1]), (3, [1, 2, 3]), (4, [4, 2, 3])] {
            file.write(mark(end)).expect("written");
            file.stop();
            file.keep_durable(Duration::ZERO).expect("durable");
            assert_eq!(slots(), expected);
        }
        // Continued behind the furthest one.
        let file = MarkFile::open(dir.path(), mark(5)).expect("a file");
        file.write(mark(6)).expect("written");
        assert_eq!(slots(), [4, 5, 6]);
        // That of another log is replaced.
        let other = Mark { log: 6, ..mark(7) };
        drop(MarkFile::open(dir.path(), other).expect("a file"));
        assert_eq!(slots(), [7, 7, 7]);
    }
}

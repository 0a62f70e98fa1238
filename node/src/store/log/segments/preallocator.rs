//! Fills the next segment's file with zeros ahead of time.
//!
//! Where a file grows, or is written for the first time, each fdatasync also waits for the file
//! system's journal, and so for all other writes, above all those of checkpoints. Over zeros that
//! are already durable it waits for the disk only: half the time on average, and a fraction of it
//! at the tail.
//!
//! The thread first drops an older segment from the page cache. On a machine that must fetch memory
//! for each cached page, the new pages then come from the old ones.
//!
//! Must not know: the content of a segment.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rustix::fs::Advice;

use crate::store::files;
use crate::store::log::format::blank::ZEROS;

/// Name of the file until it becomes a segment.
const NAME: &str = "spare";
/// Bytes written and synced in one step, so that no write of the log waits behind more.
const STEP_BYTES: usize = ZEROS.len();
/// Free disk space required, in segments: others need space too.
const ROOM: u64 = 4;
/// The thread may wait for everything else, as long as the file is ready in time.
const NICENESS: i32 = 5;

/// Preallocates one file at a time, each on a thread of its own that ends with the file or with the
/// preallocator.
#[derive(Debug)]
pub(crate) struct Preallocator {
    dir: PathBuf,
    bytes: u64,
    state: State,
    stop: Arc<AtomicBool>,
}

#[derive(Debug)]
enum State {
    None,
    Making(JoinHandle<io::Result<()>>),
    Ready,
    /// Preallocation failed; it is not tried again for this segment.
    Failed,
}

impl Preallocator {
    /// A preallocator for files of `bytes` in `dir`.
    pub(crate) fn new(dir: &Path, bytes: u64) -> Self {
        Self {
            dir: dir.to_path_buf(),
            bytes,
            state: State::None,
            stop: Arc::default(),
        }
    }

    /// Whether a file should be preallocated: none is ready, in progress or failed.
    pub(crate) fn is_wanted(&self) -> bool {
        matches!(self.state, State::None)
    }

    /// Begins a file. `unread` is a segment without readers, which is dropped from the page cache.
    pub(crate) fn begin(&mut self, unread: Option<PathBuf>) {
        let (dir, bytes, stop) = (self.dir.clone(), self.bytes, Arc::clone(&self.stop));
        let made = thread::Builder::new()
            .name("log-spare".to_owned())
            .spawn(move || {
                // On Linux the priority is that of the calling thread. It is absolute, because the
                // thread that started this one has a higher priority.
                let _ = rustix::process::setpriority_process(None, NICENESS);
                if let Some(unread) = unread {
                    // A hint: an error affects speed only.
                    let _ = forget(&unread);
                }
                make(&dir, bytes, &stop)
            });
        self.state = match made {
            Ok(thread) => State::Making(thread),
            Err(_) => State::Failed,
        };
    }

    /// Whether a file is ready. A failure is not an error: the log itself detects a bad disk.
    pub(crate) fn is_ready(&mut self) -> bool {
        if let State::Making(thread) = &self.state
            && thread.is_finished()
        {
            self.finish();
        }
        matches!(self.state, State::Ready)
    }

    /// Renames the ready file to `path`, which must not exist. The new name is not durable yet.
    /// `false` if no file is ready.
    pub(crate) fn take(&mut self, path: &Path) -> io::Result<bool> {
        let is_ready = self.is_ready();
        if matches!(self.state, State::Ready | State::Failed) {
            self.state = State::None;
        }
        if !is_ready {
            return Ok(false);
        }
        if path.try_exists()? {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        match fs::rename(self.dir.join(NAME), path) {
            // The file was deleted to free space.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            renamed => renamed.map(|()| true),
        }
    }

    fn finish(&mut self) {
        let State::Making(thread) = std::mem::replace(&mut self.state, State::None) else {
            return;
        };
        self.state = match thread.join() {
            Ok(Ok(())) => State::Ready,
            Ok(Err(error)) => {
                tracing::debug!(%error, "the log's next segment was not prepared");
                State::Failed
            }
            // The panic hook has already reported it.
            Err(_panic) => State::Failed,
        };
    }
}

impl Drop for Preallocator {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.finish();
        if matches!(self.state, State::Ready) {
            let _ = discard(&self.dir);
        }
    }
}

/// Deletes an incomplete or unused file.
pub(crate) fn discard(dir: &Path) -> io::Result<()> {
    files::if_exists(fs::remove_file(dir.join(NAME))).map(drop)
}

fn make(dir: &Path, bytes: u64, stop: &AtomicBool) -> io::Result<()> {
    let path = dir.join(NAME);
    let disk = rustix::fs::statvfs(dir)?;
    if disk.f_bavail.saturating_mul(disk.f_frsize) < ROOM * bytes {
        return Err(io::Error::from(io::ErrorKind::StorageFull));
    }
    let made = fill(&path, bytes, stop);
    if made.is_err() {
        // Frees the space for others on a full disk.
        let _ = discard(dir);
    }
    made
}

/// Drops a durable file from the page cache.
fn forget(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    Ok(rustix::fs::fadvise(file, 0, None, Advice::DontNeed)?)
}

fn fill(path: &Path, bytes: u64, stop: &AtomicBool) -> io::Result<()> {
    let file = File::create(path)?;
    let mut at = 0;
    while at < bytes {
        if stop.load(Ordering::Relaxed) {
            return Err(io::Error::from(io::ErrorKind::Interrupted));
        }
        let step = STEP_BYTES.min(usize::try_from(bytes - at).unwrap_or(STEP_BYTES));
        file.write_all_at(&ZEROS[..step], at)?;
        file.sync_data()?;
        at += step as u64;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::log::format::blank::is_blank;

    fn wait_until_ready(preallocator: &mut Preallocator) {
        let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while !preallocator.is_ready() {
            assert!(std::time::Instant::now() < until, "never ready");
            thread::yield_now();
        }
    }

    #[test]
    fn a_spare_is_blank_and_taken_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let bytes = 2 * STEP_BYTES as u64 + 5;
        let mut preallocator = Preallocator::new(dir.path(), bytes);
        let path = dir.path().join("taken");
        assert!(!preallocator.take(&path).expect("nothing to rename"));
        preallocator.begin(None);
        wait_until_ready(&mut preallocator);
        assert!(preallocator.take(&path).expect("renamed"));
        assert!(!preallocator.take(&path).expect("nothing to rename"));
        let found = fs::read(&path).expect("a file");
        assert!(found.len() as u64 == bytes && is_blank(&found));
    }

    #[test]
    fn one_that_is_no_longer_wanted_leaves_nothing_behind() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut preallocator = Preallocator::new(dir.path(), 1 << 30);
        preallocator.begin(None);
        drop(preallocator);
        assert!(!dir.path().join(NAME).exists());
    }
}

//! The file of the next segment, filled with zeros ahead of time.
//!
//! Why: where a file grows, or first fills what was only reserved, each fdatasync has to wait for the file system's journal, and with it
//! for whatever else is being written, checkpoints above all. Over zeros that are durable already it waits for the disk alone: half the
//! time, and a fraction of it at the tail.
//!
//! The thread that fills it has the system forget an older segment first: on a machine that has to fetch memory for each page that is
//! kept, the pages of the one come from the other.
//!
//! Must not know: what a segment holds.

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

/// No segment's name.
const NAME: &str = "spare";
/// Written and made durable in such steps, so that no write of the log waits behind more of it.
const STEP_BYTES: usize = ZEROS.len();
/// There must be room for so many: others need some too.
const ROOM: u64 = 4;
/// It may wait for everything else, as long as it is there in time.
const NICENESS: i32 = 5;

/// Makes spare files, one at a time, each in a thread that ends with it, or with this.
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
    /// It was not to be had: not tried again for this segment.
    Failed,
}

impl Preallocator {
    /// For files of so many bytes in a directory.
    pub(crate) fn new(dir: &Path, bytes: u64) -> Self {
        Self {
            dir: dir.to_path_buf(),
            bytes,
            state: State::None,
            stop: Arc::default(),
        }
    }

    /// Whether there is none, nor one being made, nor was one tried in vain.
    pub(crate) fn is_wanted(&self) -> bool {
        matches!(self.state, State::None)
    }

    /// Begins one. The system may use the memory in which it keeps a file that nobody is about to read.
    pub(crate) fn begin(&mut self, unread: Option<PathBuf>) {
        let (dir, bytes, stop) = (self.dir.clone(), self.bytes, Arc::clone(&self.stop));
        let made = thread::Builder::new()
            .name("log-spare".to_owned())
            .spawn(move || {
                // On Linux this is the calling thread's alone. Not relative: the thread that began this one ranks high.
                let _ = rustix::process::setpriority_process(None, NICENESS);
                if let Some(unread) = unread {
                    // Of no consequence but for speed.
                    let _ = forget(&unread);
                }
                make(&dir, bytes, &stop)
            });
        self.state = match made {
            Ok(thread) => State::Making(thread),
            Err(_) => State::Failed,
        };
    }

    /// Whether there is one. One that could not be made is done without: the log itself notices what is wrong with its disk.
    pub(crate) fn is_ready(&mut self) -> bool {
        if let State::Making(thread) = &self.state
            && thread.is_finished()
        {
            self.finish();
        }
        matches!(self.state, State::Ready)
    }

    /// Gives the file a name that no file has yet, if there is one; the new name is not durable yet.
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
            // Somebody needed the room.
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
            // It has been said by the hook for panics, if the process is still there.
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

/// Deletes what is left of one.
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
        // On a full disk others need the room.
        let _ = discard(dir);
    }
    made
}

/// Has the system keep nothing of a durable file in memory.
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

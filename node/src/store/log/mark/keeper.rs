//! The thread that makes the mark durable.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::mark_file::MarkFile;
use crate::store::log::format::mark::Mark;

/// Time from the first mark that is not durable to its fdatasync. With the fdatasync itself, an
/// acknowledged write is vouched for within a second. While nothing is written there is none.
const DURABLE_AFTER: Duration = Duration::from_millis(800);

/// Writes the mark, and makes it durable on a thread of its own.
#[derive(Debug)]
pub(crate) struct MarkKeeper {
    file: Arc<MarkFile>,
    thread: Option<JoinHandle<()>>,
}

impl MarkKeeper {
    /// Starts the thread. It calls `failed` and ends when the mark can't be made durable.
    pub(crate) fn start(
        file: MarkFile,
        failed: impl FnOnce(&io::Error) + Send + 'static,
    ) -> io::Result<Self> {
        let file = Arc::new(file);
        let kept = Arc::clone(&file);
        let thread = thread::Builder::new()
            .name("log-mark".to_owned())
            .spawn(move || {
                if let Err(error) = kept.keep_durable(DURABLE_AFTER) {
                    failed(&error);
                }
            })?;
        Ok(Self {
            file,
            thread: Some(thread),
        })
    }

    /// Moves the mark. It outlives the process on return, and the machine within a second.
    pub(crate) fn set(&self, mark: Mark) -> io::Result<()> {
        self.file.write(mark)
    }
}

impl Drop for MarkKeeper {
    /// Waits until the last mark is durable.
    fn drop(&mut self) {
        self.file.stop();
        if let Some(thread) = self.thread.take() {
            // A panic was reported by its hook.
            let _ = thread.join();
        }
    }
}

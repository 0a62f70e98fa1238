//! Limits the time that an open waits for sled.
//!
//! On a damaged file sled may loop or wait without end, and a thread can't be stopped from outside.
//! So the work runs on a thread of its own, which is given up when it shows no progress.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// Progress of the work, and the signal that it was given up.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    ticks: AtomicU64,
    given_up: AtomicBool,
}

impl Progress {
    pub(crate) fn tick(&self) {
        self.ticks.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::SeqCst)
    }
}

/// The work made no progress for too long. Its thread is left running.
#[derive(Debug)]
pub(crate) struct Stalled;

/// Runs `work` on a thread of its own, while it ticks at least once per `stall_limit`. A panic of
/// the work continues in the caller.
pub(crate) fn run_watched<T: Send + 'static>(
    stall_limit: Duration,
    progress: &Arc<Progress>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Stalled> {
    let (done, outcome) = sync_channel(1);
    let spawned = thread::Builder::new()
        .name("checkpoint-open".to_owned())
        .spawn(move || {
            // The receiver is gone if the work was given up.
            let _ = done.send(work());
        });
    let Ok(thread) = spawned else {
        return Err(Stalled);
    };
    let mut last = (progress.ticks.load(Ordering::Relaxed), Instant::now());
    loop {
        match outcome.recv_timeout(stall_limit / 8) {
            Ok(value) => return Ok(value),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => match thread.join() {
                Err(panic) => resume_unwind(panic),
                Ok(()) => return Err(Stalled),
            },
        }
        let ticks = progress.ticks.load(Ordering::Relaxed);
        if ticks != last.0 {
            last = (ticks, Instant::now());
        } else if last.1.elapsed() > stall_limit {
            progress.given_up.store(true, Ordering::SeqCst);
            return Err(Stalled);
        }
    }
}

//! A want of file handles or memory is overload, not a failed disk: the store waits until there are
//! some again. Its queues fill meanwhile, and publishers are refused.

use std::{
    io,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::io::Errno;

/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(50);
/// Time between two log lines of one wait.
const SAY_EVERY: Duration = Duration::from_secs(5);

static WAITING: AtomicUsize = AtomicUsize::new(0);
static WAITS: AtomicU64 = AtomicU64::new(0);

/// Whether an operation failed because the process or the system has no handles or memory left.
pub fn is_want(error: &io::Error) -> bool {
    let wants = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS];
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    code.is_some_and(|code| wants.contains(&code))
}

/// Whether a thread of the store waits now.
pub fn is_waiting() -> bool {
    WAITING.load(Ordering::Relaxed) > 0
}

/// Waits of the store since the process started.
pub fn waits() -> u64 {
    WAITS.load(Ordering::Relaxed)
}

/// Repeats an attempt that changed nothing when it failed, until it no longer fails for want of
/// handles or memory. Blocks the thread, so it is for the store's own threads only.
pub(crate) fn patiently<T>(what: &str, attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    patiently_if(is_want, what, attempt)
}

/// As [`patiently`], for errors that contain one of the system.
pub(crate) fn patiently_if<T, E: std::fmt::Display>(
    is_want: impl Fn(&E) -> bool,
    what: &str,
    mut attempt: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    let mut waiting: Option<Waiting> = None;
    loop {
        match attempt() {
            Err(error) if is_want(&error) => {
                waiting.get_or_insert_with(Waiting::begin).say(what, &error);
                thread::sleep(PAUSE);
            }
            ended => return ended,
        }
    }
}

/// One wait, until it is dropped.
struct Waiting {
    said: Option<Instant>,
}

impl Waiting {
    fn begin() -> Self {
        WAITING.fetch_add(1, Ordering::Relaxed);
        WAITS.fetch_add(1, Ordering::Relaxed);
        Self { said: None }
    }

    fn say(&mut self, what: &str, error: &dyn std::fmt::Display) {
        if self.said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            self.said = Some(Instant::now());
            tracing::warn!(%error, "overload: {what} waits for handles or memory");
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_repeated_only_for_want() {
        let want = || io::Error::from_raw_os_error(Errno::MFILE.raw_os_error());
        let before = waits();
        let mut attempts = 0;
        let opened = patiently("a test", || {
            attempts += 1;
            if attempts < 3 {
                Err(want())
            } else {
                Ok(attempts)
            }
        });
        assert_eq!(opened.expect("opened in the end"), 3);
        assert!(waits() > before);
        let full = || io::Error::from_raw_os_error(Errno::NOSPC.raw_os_error());
        let failed = patiently::<()>("a test", || Err(full())).expect_err("a full disk");
        assert_eq!(failed.kind(), io::ErrorKind::StorageFull);
    }
}

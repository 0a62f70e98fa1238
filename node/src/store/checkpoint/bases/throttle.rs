//! Throttled reading, for background verification.

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroU64;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::fs::Advice;
use tokio_util::sync::CancellationToken;

/// Limits the rate at which bases are read in the background, and cancels the reading.
#[derive(Debug)]
pub struct Throttle {
    bytes_per_second: u64,
    stop: CancellationToken,
    /// Earliest time of the next read.
    next: Mutex<Instant>,
}

/// A file that is read at a limited rate, and is dropped from the page cache behind the reader.
pub(super) struct ThrottledFile<'p> {
    file: File,
    throttle: &'p Throttle,
    read: u64,
}

impl Throttle {
    /// At most `bytes_per_second`, at least 1. Reads fail once `stop` is cancelled.
    pub fn new(bytes_per_second: u64, stop: CancellationToken) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1),
            stop,
            next: Mutex::new(Instant::now()),
        }
    }

    /// Waits for the time of earlier reads to pass, then reserves time for `bytes`.
    ///
    /// # Errors
    /// Once the reading is to end.
    pub fn wait_for(&self, bytes: usize) -> io::Result<()> {
        let begins = {
            let mut next = self.next.lock();
            let begins = (*next).max(Instant::now());
            let takes_us = bytes as u64 * 1_000_000 / self.bytes_per_second;
            *next = begins + Duration::from_micros(takes_us);
            begins
        };
        thread::sleep(begins.saturating_duration_since(Instant::now()));
        if self.stop.is_cancelled() {
            return Err(io::Error::other("the reading was given up"));
        }
        Ok(())
    }
}

impl<'p> ThrottledFile<'p> {
    pub(super) fn new(file: File, throttle: &'p Throttle) -> Self {
        Self {
            file,
            throttle,
            read: 0,
        }
    }
}

impl Read for ThrottledFile<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(bytes)?;
        self.throttle.wait_for(read)?;
        if let Some(length) = NonZeroU64::new(read as u64) {
            // A hint: an error affects speed only.
            let _ = rustix::fs::fadvise(&self.file, self.read, Some(length), Advice::DontNeed);
        }
        self.read += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn all_is_read_unless_it_is_given_up() {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&[7; 100_000]).expect("room");
        let stop = CancellationToken::new();
        let throttle = Throttle::new(u64::MAX, stop.clone());
        let read = |file: &File| {
            let mut bytes = Vec::new();
            let mut file = file.try_clone()?;
            io::Seek::rewind(&mut file)?;
            ThrottledFile::new(file, &throttle).read_to_end(&mut bytes)
        };
        assert_eq!(read(&file).expect("all of it"), 100_000);
        stop.cancel();
        assert!(read(&file).is_err());
    }

    #[test]
    fn reads_take_their_turns() {
        const EACH: Duration = Duration::from_millis(20);
        let throttle = Throttle::new(50, CancellationToken::new());
        let begun = Instant::now();
        for _ in 0..4 {
            throttle.wait_for(1).expect("a turn");
        }
        assert!(begun.elapsed() >= 3 * EACH);
    }
}

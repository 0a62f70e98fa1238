//! A timer with a precision of some microseconds.
//!
//! tokio's timers have a resolution of a millisecond, which is about the latency to be measured. On
//! Linux a `timerfd` wakes the runtime instead. Elsewhere it is tokio's timer, and figures below 2
//! ms mean little.

use std::io;
use std::time::Instant;

#[cfg(target_os = "linux")]
pub(super) use linux::PreciseTimer;

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::unix::AsyncFd;

    use super::{Instant, io};

    /// A timer for one task.
    #[derive(Debug)]
    pub(in crate::load) struct PreciseTimer {
        timer: AsyncFd<OwnedFd>,
    }

    impl PreciseTimer {
        /// Must be created inside a tokio runtime.
        ///
        /// # Errors
        /// When the process has no file descriptor left.
        pub(in crate::load) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            // `new` is deprecated because it accepts types that do not own their descriptor; its
            // replacement is `unsafe`.
            #[expect(deprecated, reason = "sound here: an OwnedFd owns its descriptor")]
            let timer = AsyncFd::new(timer)?;
            Ok(Self { timer })
        }

        /// Waits until `at`; returns at once when that has passed. Cancel safe.
        ///
        /// # Errors
        /// Not expected: an open timer can be set and read.
        pub(in crate::load) async fn until(&mut self, at: Instant) -> io::Result<()> {
            loop {
                let left = at.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Ok(());
                }
                self.set(left)?;
                let mut ready = self.timer.readable().await?;
                // A cancelled wait may have left the timer ready. Then there is nothing to read,
                // and the loop waits again.
                let mut expirations = [0u8; 8];
                let _ = ready.try_io(|timer| {
                    let read = rustix::io::read(timer.get_ref(), &mut expirations);
                    read.map_err(io::Error::from)
                });
            }
        }

        fn set(&self, left: Duration) -> io::Result<()> {
            let value = Timespec::try_from(left).map_err(io::Error::other)?;
            let once = Itimerspec {
                it_interval: Timespec::default(),
                it_value: value,
            };
            timerfd_settime(self.timer.get_ref(), TimerfdTimerFlags::empty(), &once)?;
            Ok(())
        }
    }
}

/// A timer for one task, with tokio's resolution.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub(super) struct PreciseTimer;

#[cfg(not(target_os = "linux"))]
impl PreciseTimer {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    pub(super) async fn until(&mut self, at: Instant) -> io::Result<()> {
        tokio::time::sleep_until(at.into()).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn it_never_rings_too_early_not_even_after_a_wait_that_was_given_up() {
        let mut timer = PreciseTimer::new().expect("a timer");
        let start = Instant::now();
        let soon = start + Duration::from_micros(200);
        let far = start + Duration::from_secs(60);
        tokio::select! {
            biased;
            waited = timer.until(far) => panic!("it waited: {waited:?}"),
            () = tokio::task::yield_now() => {}
        }
        timer.until(soon).await.expect("a wait");
        assert!(Instant::now() >= soon);
        // The timer has expired; the next wait must not return because of that.
        let later = Instant::now() + Duration::from_millis(3);
        timer.until(later).await.expect("a wait");
        assert!(Instant::now() >= later);
        timer.until(start).await.expect("a time that has passed");
    }
}

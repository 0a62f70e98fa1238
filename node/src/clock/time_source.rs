//! The clocks of the machine.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use super::{NS_PER_MS, NS_PER_S};

/// Counts while the machine is suspended, where the system has such a clock.
#[cfg(target_os = "linux")]
const SINCE_BOOT: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const SINCE_BOOT: ClockId = ClockId::Monotonic;

/// The clocks that log time is made of.
pub trait TimeSource: Send + Sync + 'static {
    /// Time since any fixed moment, ns. It is never set, counts in a suspended machine, and never
    /// goes back.
    fn since_boot_ns(&self) -> i64;

    /// The wall clock, ns since the epoch. It may be wrong and may be set either way.
    fn wall_ns(&self) -> i64;

    /// The wall clock, ms since the epoch.
    fn wall_ms(&self) -> i64 {
        self.wall_ns().div_euclid(NS_PER_MS)
    }
}

/// The system's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemTimeSource;

impl TimeSource for SystemTimeSource {
    fn since_boot_ns(&self) -> i64 {
        let time = clock_gettime(SINCE_BOOT);
        time.tv_sec
            .saturating_mul(NS_PER_S)
            .saturating_add(time.tv_nsec)
    }

    fn wall_ns(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| {
            i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
        })
    }
}

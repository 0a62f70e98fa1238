//! The clock that all shards and the ingress of a node share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;
use rustix::time::{ClockId, clock_gettime};
use tokio_util::sync::CancellationToken;

use super::anchor::Anchor;

/// Time between two looks at the wall clock.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const NS_PER_MS: i64 = 1_000_000;
/// Counts while the machine is suspended, where the system has such a clock.
#[cfg(target_os = "linux")]
const SINCE_BOOT: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const SINCE_BOOT: ClockId = ClockId::Monotonic;

/// A clock that begins with the wall clock, or with the newest log time if that is later, and
/// counts on by a clock that no one sets and that counts in a suspended machine.
///
/// A step of the wall clock has no effect, unless it leaves the wall clock ahead for a minute:
/// then this clock runs ten times as fast until it has caught up. It never goes back.
#[derive(Debug)]
pub struct NodeClock {
    anchor: Mutex<Anchor>,
    /// The anchor's offset, so that a reading takes no lock, ns.
    offset_ns: AtomicI64,
}

impl NodeClock {
    /// Begins with the wall clock.
    pub fn start() -> Arc<Self> {
        let anchor = Anchor::new(since_boot_ns(), wall_ns());
        Arc::new(Self {
            offset_ns: AtomicI64::new(anchor.offset_ns()),
            anchor: Mutex::new(anchor),
        })
    }

    /// Time now, ms since the epoch. No reading is earlier than one before it.
    pub fn now_ms(&self) -> i64 {
        let offset_ns = self.offset_ns.load(Ordering::Acquire);
        since_boot_ns().saturating_add(offset_ns) / NS_PER_MS
    }

    /// Sets it forward to a committed log time, ms; never back.
    pub fn raise(&self, committed_ms: i64) {
        self.adjust(|anchor| {
            anchor.raise(since_boot_ns(), committed_ms.saturating_mul(NS_PER_MS));
        });
    }

    /// Follows the wall clock until it is stopped.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {
                    self.adjust(|anchor| anchor.observe(since_boot_ns(), wall_ns()));
                }
            }
        }
    }

    fn adjust(&self, change: impl FnOnce(&mut Anchor)) {
        let mut anchor = self.anchor.lock();
        change(&mut anchor);
        self.offset_ns.store(anchor.offset_ns(), Ordering::Release);
    }
}

fn since_boot_ns() -> i64 {
    let time = clock_gettime(SINCE_BOOT);
    time.tv_sec
        .saturating_mul(1_000 * NS_PER_MS)
        .saturating_add(time.tv_nsec)
}

fn wall_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_with_the_wall_clock_and_is_set_forward_only() {
        let clock = NodeClock::start();
        let wall_ms = wall_ns() / NS_PER_MS;
        assert!((clock.now_ms() - wall_ms).abs() < 60_000);
        clock.raise(wall_ms - 3_600_000);
        assert!(clock.now_ms() >= wall_ms - 60_000);
        clock.raise(wall_ms + 3_600_000);
        assert!(clock.now_ms() >= wall_ms + 3_600_000);
        clock.raise(wall_ms);
        assert!(clock.now_ms() >= wall_ms + 3_600_000);
    }
}

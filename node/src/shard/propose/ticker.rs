//! Log time, and the entries that only advance it.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use homeroom_core::entry::encode_tick;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::raft::{Group, Replicated};

/// The log time of a leader. It begins with the last committed log time or this node's wall clock,
/// whichever is later, and continues with monotonic time.
///
/// The wall clock is read once, when leadership begins, to learn how long the shard had no leader.
/// Later steps of the wall clock have no effect.
#[derive(Debug)]
pub struct LogClock(Mutex<(i64, Instant)>);

impl LogClock {
    /// Continues from the last committed log time, ms.
    pub fn following(committed_ms: i64) -> Self {
        let wall_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| {
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            });
        Self(Mutex::new((committed_ms.max(wall_ms), Instant::now())))
    }

    /// Log time now, ms.
    pub fn now_ms(&self) -> i64 {
        let (base_ms, since) = *self.0.lock();
        base_ms + i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

/// Proposes a tick when one is due. An idle shard writes nothing.
pub struct Ticker<R: Replicated> {
    pub group: Arc<Group<R>>,
    pub clock: Arc<LogClock>,
    /// Log time at which a tick is due, ms; `None` when none is.
    pub due: watch::Receiver<Option<i64>>,
    pub stop: CancellationToken,
}

impl<R: Replicated> Ticker<R> {
    /// Runs until it is stopped, or the group stops.
    pub async fn run(mut self) {
        loop {
            let due_ms = *self.due.borrow_and_update();
            tokio::select! {
                () = self.stop.cancelled() => return,
                changed = self.due.changed() => if changed.is_err() { return },
                () = until(&self.clock, due_ms) => {
                    if *self.due.borrow() != due_ms {
                        continue;
                    }
                    let tick = Bytes::from(encode_tick(self.clock.now_ms()));
                    if let Err(error) = self.group.propose(tick).await {
                        tracing::debug!(%error, "a tick was not written");
                        return;
                    }
                }
            }
        }
    }
}

async fn until(clock: &LogClock, due_ms: Option<i64>) {
    match due_ms {
        Some(due_ms) => {
            let left_ms = u64::try_from(due_ms - clock.now_ms()).unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(left_ms)).await;
        }
        None => std::future::pending().await,
    }
}

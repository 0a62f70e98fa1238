//! The entries that only advance log time.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use homeroom_core::entry::encode_tick;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::LogClock,
    raft::{Group, Replicated},
};

/// The most time that the ticker sleeps before it reads the clock again: the clock may run faster
/// than timers, and counts while a suspended machine's timers stand.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// Time before a tick that was refused is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Proposes a tick when one is due. An idle shard writes nothing, nor does one without log time.
pub struct Ticker<R: Replicated> {
    pub group: Arc<Group<R>>,
    pub clock: Arc<LogClock>,
    /// Log time at which a tick is due, ms; `None` when none is.
    pub due: watch::Receiver<Option<i64>>,
    pub stop: CancellationToken,
}

impl<R: Replicated> Ticker<R> {
    /// Runs until it is stopped.
    pub async fn run(mut self) {
        loop {
            let due_ms = *self.due.borrow_and_update();
            tokio::select! {
                () = self.stop.cancelled() => return,
                changed = self.due.changed() => if changed.is_err() { return },
                log_time_ms = due(&self.clock, due_ms) => {
                    if *self.due.borrow() != due_ms {
                        continue;
                    }
                    let tick = Bytes::from(encode_tick(log_time_ms));
                    if let Err(error) = self.group.propose(tick).await {
                        tracing::debug!(%error, "a tick was not written");
                        tokio::select! {
                            () = self.stop.cancelled() => return,
                            () = tokio::time::sleep(RETRY_AFTER) => {}
                        }
                    }
                }
            }
        }
    }
}

/// Waits until log time has come to what is due. Returns log time then, ms.
async fn due(clock: &LogClock, due_ms: Option<i64>) -> i64 {
    let Some(due_ms) = due_ms else {
        return std::future::pending().await;
    };
    loop {
        let Some(now_ms) = clock.now_ms() else {
            clock.anchored().await;
            continue;
        };
        let left_ms = due_ms.saturating_sub(now_ms);
        if left_ms <= 0 {
            return now_ms;
        }
        let left = Duration::from_millis(left_ms.unsigned_abs());
        tokio::time::sleep(left.min(SLEEP_MAX)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, pin::pin};

    use futures::poll;

    use super::*;
    use crate::clock::SystemTimeSource;

    #[tokio::test(start_paused = true)]
    async fn a_tick_waits_until_there_is_log_time() {
        let clock = LogClock::new(Arc::new(SystemTimeSource));
        let mut overdue = pin!(due(&clock, Some(0)));
        assert!(poll!(&mut overdue).is_pending());
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        assert!(poll!(&mut overdue).is_pending());
        assert!(clock.anchor(1, &BTreeSet::from([1])));
        assert!(overdue.await > 0);
        assert!(
            poll!(pin!(due(&clock, None))).is_pending(),
            "nothing is due"
        );
    }
}

//! The entries that only advance log time.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use homeroom_core::entry::encode_tick;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::NodeClock,
    raft::{Group, Replicated},
};

/// The most time that the ticker sleeps before it reads the clock again: the clock may run faster
/// than timers, and counts while a suspended machine's timers stand.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// Time before a tick that was refused is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Proposes a tick when one is due. An idle shard writes nothing.
pub struct Ticker<R: Replicated> {
    pub group: Arc<Group<R>>,
    pub clock: Arc<NodeClock>,
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
                () = until(&self.clock, due_ms) => {
                    if *self.due.borrow() != due_ms {
                        continue;
                    }
                    let tick = Bytes::from(encode_tick(self.clock.now_ms()));
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

async fn until(clock: &NodeClock, due_ms: Option<i64>) {
    let Some(due_ms) = due_ms else {
        return std::future::pending().await;
    };
    while let left_ms @ 1.. = due_ms.saturating_sub(clock.now_ms()) {
        let left = Duration::from_millis(left_ms.unsigned_abs());
        tokio::time::sleep(left.min(SLEEP_MAX)).await;
    }
}

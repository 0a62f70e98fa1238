//! Verifies bases before they are needed: a damaged one is put aside and written again while
//! another base is still readable. And sealed segments of the log, which an open does not read.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::store::{
    Background, GroupId,
    checkpoint::{CheckpointStore, Throttle},
    log::{FileLog, SegmentId, VerifyError},
};

/// Read rate, bytes per second: less than 1 % of a processor and of a disk. It covers 350 GB a day.
const BYTES_PER_SECOND: u64 = 4 << 20;

/// Verifies the bases of all groups of the node, over and over.
pub struct Scrub {
    pub store: Arc<CheckpointStore>,
    pub log: Arc<FileLog>,
    /// Number of groups in the store.
    pub groups: u16,
    /// Time from the start of one round to the start of the next.
    pub every: Duration,
    /// A thread of its own, because it waits most of the time.
    pub thread: Background,
}

impl Scrub {
    /// Runs rounds until `stop` is cancelled; the first one at once.
    pub async fn run(self, stop: CancellationToken) {
        let throttle = Arc::new(Throttle::new(BYTES_PER_SECOND, stop.clone()));
        loop {
            let next = Instant::now() + self.every;
            for group in 0..self.groups {
                self.look_at(group, &throttle, &stop).await;
            }
            for segment in self.log.scrubbable() {
                self.look_at_segment(segment, &throttle, &stop).await;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep_until(next) => {}
            }
        }
    }

    /// The store counts the bases that were put aside; checkpoints and the diagnosis read that
    /// count.
    async fn look_at(&self, group: GroupId, throttle: &Arc<Throttle>, stop: &CancellationToken) {
        let (store, throttle) = (Arc::clone(&self.store), Arc::clone(throttle));
        let look = self.thread.run(move || store.scrub_bases(group, &throttle));
        match look.await {
            Ok(Ok(_rejected)) => {}
            Ok(Err(_)) if stop.is_cancelled() => {}
            Ok(Err(error)) => tracing::warn!(group, %error, "bases were not verified"),
            Err(error) => tracing::warn!(group, %error, "bases were not verified"),
        }
    }

    /// Damage is only said: what the log holds, a base holds soon, and then the segment goes.
    async fn look_at_segment(
        &self,
        segment: SegmentId,
        throttle: &Arc<Throttle>,
        stop: &CancellationToken,
    ) {
        let (log, throttle) = (Arc::clone(&self.log), Arc::clone(throttle));
        let verify = move || log.verify(segment, &|bytes| throttle.wait_for(bytes));
        match self.thread.run(verify).await {
            Ok(Ok(())) => {}
            Ok(Err(error @ VerifyError::Damaged { .. })) => {
                tracing::error!(%error, "the log is damaged: an entry may be lost");
            }
            Ok(Err(_)) if stop.is_cancelled() => {}
            Ok(Err(error)) => tracing::warn!(%error, "the log was not verified"),
            Err(error) => tracing::warn!(segment, %error, "the log was not verified"),
        }
    }
}

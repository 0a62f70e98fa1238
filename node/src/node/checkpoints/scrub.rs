//! Reads bases before they are needed: one that has rotten is put aside and cut anew while there is another.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::store::{
    Background, GroupId,
    checkpoint::{CheckpointStore, Throttle},
};

/// How fast, bytes a second: some tenths of a percent of a processor and of a disk. A day is enough for 350 GB.
const BYTES_PER_SECOND: u64 = 4 << 20;

/// Goes round the bases of all groups of the node.
pub struct Scrub {
    pub store: Arc<CheckpointStore>,
    /// Places of groups in the store.
    pub groups: u16,
    /// Between the begins of two rounds.
    pub every: Duration,
    /// A thread of its own: it waits most of the time.
    pub thread: Background,
}

impl Scrub {
    /// One round after the other, until told to stop; the first at once.
    pub async fn run(self, stop: CancellationToken) {
        let throttle = Arc::new(Throttle::new(BYTES_PER_SECOND, stop.clone()));
        loop {
            let next = Instant::now() + self.every;
            for group in 0..self.groups {
                self.look_at(group, &throttle, &stop).await;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep_until(next) => {}
            }
        }
    }

    /// Whoever makes checkpoints sees that one was put aside, and so does the doctor.
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
}

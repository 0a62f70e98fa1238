//! What a leader does for its log clock.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    clock::LogClock,
    raft::{Group, Replicated},
};

/// Time between two looks at the voters' wall clocks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Anchors the log clock of a leader that has no anchor; lets it follow the voters' wall clocks.
pub struct Timekeeper<R: Replicated> {
    pub clock: Arc<LogClock>,
    pub group: Arc<Group<R>>,
    pub stop: CancellationToken,
}

impl<R: Replicated> Timekeeper<R> {
    /// Runs until it is stopped.
    pub async fn run(self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.keep() => {}
        }
    }

    async fn keep(&self) {
        let me = self.group.replica();
        loop {
            // Again and again, since the voters may change meanwhile.
            let voters = self.group.voters();
            tokio::select! {
                () = self.clock.anchor_when_heard(me, &voters) => break,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.clock.observe(me, &self.group.voters());
        }
    }
}

//! What a leader does for its log clock.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::clock::LogClock;

/// Time between two looks at the voters' wall clocks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Anchors the log clock of a leader that has no anchor; lets it follow the voters' wall clocks.
pub struct Timekeeper {
    pub clock: Arc<LogClock>,
    /// This replica among the voters.
    pub me: u64,
    pub voters: BTreeSet<u64>,
    pub stop: CancellationToken,
}

impl Timekeeper {
    /// Runs until it is stopped.
    pub async fn run(self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.keep() => {}
        }
    }

    async fn keep(&self) {
        self.clock.anchor_when_heard(self.me, &self.voters).await;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.clock.observe(self.me, &self.voters);
        }
    }
}

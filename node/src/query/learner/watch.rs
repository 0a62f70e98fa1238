//! Watches a learner's profile: an answer after each change.

use std::{sync::Arc, time::Duration};

use futures::{Stream, stream};
use homeroom_core::time::{PANE_MS, pane_start};
use homeroom_proto::v1;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tonic::Status;

use super::read::read_profile;
use crate::{
    query::{
        leaders::Leaders,
        profile::Mask,
        read_options::{self, RECENT},
    },
    shard::{ShardReplica, View, Watch},
    status,
};

/// Default time between two answers, ms.
const INTERVAL_DEFAULT_MS: u32 = 100;
/// Minimum time between two answers, ms.
const INTERVAL_LEAST_MS: u32 = 10;

/// A watch of one learner.
pub struct LearnerWatch {
    shard: Arc<ShardReplica>,
    leaders: Leaders,
    user_id: String,
    interval: Duration,
    mask: Mask,
    changes: Watch,
    views: watch::Receiver<Arc<View>>,
    /// The pane of the watermark at the last read.
    sent_pane_ms: i64,
    sent: Option<v1::WatchLearnerResponse>,
    sent_at: Option<Instant>,
}

impl LearnerWatch {
    /// A watch that answers at most every `min_interval_ms`; 0 for the default.
    ///
    /// # Errors
    /// When the interval is too short.
    pub fn new(
        (shard, leaders): (Arc<ShardReplica>, Leaders),
        user_id: String,
        min_interval_ms: u32,
        mask: Mask,
    ) -> Result<Self, Status> {
        let interval =
            read_options::watch_interval(min_interval_ms, INTERVAL_DEFAULT_MS, INTERVAL_LEAST_MS)?;
        Ok(Self {
            changes: shard.watch(&user_id),
            views: shard.views(),
            shard,
            leaders,
            user_id,
            interval,
            mask,
            sent_pane_ms: i64::MIN,
            sent: None,
            sent_at: None,
        })
    }

    /// The profile now, and after each change.
    pub fn answers(self) -> impl Stream<Item = Result<v1::WatchLearnerResponse, Status>> + Send {
        stream::try_unfold(self, |mut watch| async move {
            let answer = watch.next().await?;
            Ok(Some((answer, watch)))
        })
    }

    async fn next(&mut self) -> Result<v1::WatchLearnerResponse, Status> {
        loop {
            if self.sent.is_some() {
                self.change().await?;
            }
            if let Some(sent_at) = self.sent_at {
                sleep_until(sent_at + self.interval).await;
            }
            self.sent_pane_ms = pane_of(&self.views.borrow_and_update());
            let shard = (&*self.shard, &self.leaders);
            let read = read_profile(shard, &self.user_id, RECENT, &self.mask).await?;
            let answer = v1::WatchLearnerResponse {
                found: read.found,
                profile: read.profile,
                freshness: read.freshness,
            };
            let news = self
                .sent
                .as_ref()
                .is_none_or(|sent| sent.profile != answer.profile);
            if news {
                self.sent_at = Some(Instant::now());
                self.sent = Some(answer.clone());
                return Ok(answer);
            }
        }
    }

    /// Returns when the profile may have changed: after an event of the learner, or when the
    /// watermark enters another pane, where windows close and sessions end.
    async fn change(&mut self) -> Result<(), Status> {
        loop {
            tokio::select! {
                () = self.changes.changed() => return Ok(()),
                // The next read says so.
                () = self.shard.until_failed() => return Ok(()),
                alive = self.views.changed() => {
                    if alive.is_err() {
                        return Err(status::unavailable("STOPPING", "the shard is stopping"));
                    }
                    let moved = pane_of(&self.views.borrow_and_update()) != self.sent_pane_ms;
                    if moved {
                        return Ok(());
                    }
                }
            }
        }
    }
}

fn pane_of(view: &View) -> i64 {
    view.freshness
        .watermark_ms
        .map_or(i64::MIN + PANE_MS, pane_start)
}

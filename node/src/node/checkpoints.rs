//! When checkpoints are made and bases are cut.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use crate::{
    control::ControlPlane,
    observe::{Metrics, metrics::SavedGroup},
    raft::{Group, Replicated},
    route::Router,
    shard::ShardReplica,
    store::log::{FileLog, SegmentId},
};

/// Beyond so many segments' worth of log, the groups that keep the oldest from being deleted cut bases, however little they wrote.
const SEGMENTS_MANY: usize = 32;

/// Makes checkpoints of all groups of the node.
pub struct Checkpoints {
    router: Arc<Router>,
    control: Arc<ControlPlane>,
    log: Arc<FileLog>,
    metrics: Arc<Metrics>,
    interval: Duration,
    base_log_bytes: u64,
}

impl Checkpoints {
    /// Every group at least every `interval`, while it has anything new; a base once `base_log_bytes` were applied since the last.
    pub fn new(
        router: Arc<Router>,
        control: Arc<ControlPlane>,
        log: Arc<FileLog>,
        metrics: Arc<Metrics>,
        (interval, base_log_bytes): (Duration, u64),
    ) -> Self {
        Self {
            router,
            control,
            log,
            metrics,
            interval,
            base_log_bytes,
        }
    }

    /// The checkpoints of one shard, until told to stop.
    pub async fn run_shard(self: Arc<Self>, shard: Arc<ShardReplica>, stop: CancellationToken) {
        self.begin(shard.group()).await;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.interval) => {}
            }
            self.one(shard.group(), self.oldest_segment_when_many())
                .await;
            shard.passivate(self.router.memory_is_short()).await;
        }
    }

    /// The checkpoints of the control plane, until told to stop.
    pub async fn run_control(self: Arc<Self>, stop: CancellationToken) {
        self.begin(self.control.group()).await;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.interval) => {}
            }
            self.one(self.control.group(), self.oldest_segment_when_many())
                .await;
        }
    }

    /// A checkpoint of every group.
    pub async fn all(&self) {
        let pinned = self.oldest_segment_when_many();
        for shard in self.router.shards() {
            self.one(shard.group(), pinned).await;
        }
        self.one(self.control.group(), pinned).await;
    }

    async fn one<R: Replicated>(&self, group: &Arc<Group<R>>, pinned: Option<SegmentId>) {
        group.checkpoint().await;
        let grown = group.bytes_since_base().await >= self.base_log_bytes;
        let pins = pinned.is_some() && group.log_usage().oldest_segment == pinned;
        if grown || pins {
            let begun = Instant::now();
            match group.cut_base().await {
                Ok(()) => self
                    .metrics
                    .checkpoint
                    .base_seconds
                    .record(begun.elapsed().as_secs_f64()),
                Err(error) => {
                    self.metrics.checkpoint.fail();
                    tracing::warn!(%error, "a base was not cut; the log is kept meanwhile");
                }
            }
        }
    }

    /// What a group replayed has waited since the start, as far as anybody can tell.
    async fn begin<R: Replicated>(&self, group: &Group<R>) {
        let saved = SavedGroup {
            at: Instant::now(),
            index: group.checkpoint_index().await,
        };
        self.metrics.checkpoint.saved.note(group.slot(), saved);
    }

    /// The oldest segment, when there are so many that whoever needs it should let go of it.
    fn oldest_segment_when_many(&self) -> Option<SegmentId> {
        let segments = self.log.segments();
        let many = segments.len() > SEGMENTS_MANY;
        segments
            .iter()
            .map(|usage| usage.segment)
            .min()
            .filter(|_| many)
    }
}

//! When checkpoints are made and bases are cut.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use crate::{
    config::CheckpointConfig,
    control::ControlPlane,
    observe::{Metrics, metrics::SavedGroup},
    raft::{Group, Replicated},
    route::Router,
    shard::ShardReplica,
    store::log::{FileLog, SegmentId},
};

/// Beyond so many segments' worth of log, the groups that keep the oldest from being deleted cut bases, however little they wrote.
const SEGMENTS_MANY: usize = 32;
/// How often it is looked whether a shard's checkpoint is due, and who may leave the memory.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Time between two checkpoints of a shard while many idle learners take the memory: only who is saved may leave it.
const INTERVAL_IN_A_CROWD: Duration = Duration::from_secs(1);

/// Makes checkpoints of all groups of the node.
pub struct Checkpoints {
    router: Arc<Router>,
    control: Arc<ControlPlane>,
    log: Arc<FileLog>,
    metrics: Arc<Metrics>,
    config: CheckpointConfig,
}

impl Checkpoints {
    /// Every group at least every `interval`, while it has anything new, and a shard as soon as its share of `log_bytes` was applied
    /// since its last; a base once `base_log_bytes` were applied since the last.
    pub fn new(
        router: Arc<Router>,
        control: Arc<ControlPlane>,
        log: Arc<FileLog>,
        metrics: Arc<Metrics>,
        config: CheckpointConfig,
    ) -> Self {
        Self {
            router,
            control,
            log,
            metrics,
            config,
        }
    }

    /// The checkpoints of one shard, until told to stop.
    pub async fn run_shard(self: Arc<Self>, shard: Arc<ShardReplica>, stop: CancellationToken) {
        self.begin(shard.group()).await;
        let mut last = self.staggered(&shard);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY.min(self.config.interval)) => {}
            }
            let is_crowded = self.router.memory().is_crowded();
            let some_wait = shard.passivate(is_crowded).await;
            // Were nobody to leave, a checkpoint would not make room: learners in a lesson stay.
            let interval = if is_crowded && some_wait {
                self.config.interval.min(INTERVAL_IN_A_CROWD)
            } else {
                self.config.interval
            };
            let is_due = last.elapsed() >= interval;
            if is_due || shard.group().bytes_since_capture().await >= self.log_bytes_per_shard() {
                last = Instant::now();
                self.one(shard.group(), self.oldest_segment_when_many())
                    .await;
            }
        }
    }

    /// Shards take their regular checkpoints one after the other, not all at once.
    fn staggered(&self, shard: &ShardReplica) -> Instant {
        let shards = self.router.shards().len().max(1);
        let share = f64::from(shard.shard()) / shards as f64;
        let now = Instant::now();
        now.checked_sub(self.config.interval.mul_f64(share))
            .unwrap_or(now)
    }

    fn log_bytes_per_shard(&self) -> u64 {
        self.config.log_bytes.as_u64() / self.router.shards().len().max(1) as u64
    }

    /// The checkpoints of the control plane, until told to stop.
    pub async fn run_control(self: Arc<Self>, stop: CancellationToken) {
        self.begin(self.control.group()).await;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.config.interval) => {}
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
        let grown = group.bytes_since_base().await >= self.config.base_log_bytes.as_u64();
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

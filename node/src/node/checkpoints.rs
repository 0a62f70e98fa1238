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

/// A group whose oldest entry is so many segments back cuts a base, however little it wrote: others' entries lie in between, and are kept
/// as long. And the next one not before there are as many more,
const SEGMENTS_MANY: SegmentId = 32;
/// unless its oldest entry is so many back, after a burst.
const SEGMENTS_TOO_MANY: SegmentId = 96;
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
        let mut cut_at = None;
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
                self.one(shard.group(), &mut cut_at).await;
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
        let mut cut_at = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.config.interval) => {}
            }
            self.one(self.control.group(), &mut cut_at).await;
        }
    }

    /// A checkpoint of every group.
    pub async fn all(&self) {
        for shard in self.router.shards() {
            shard.group().checkpoint().await;
        }
        self.control.group().checkpoint().await;
    }

    /// A checkpoint of a group, and a base where one is due; the last was cut when the log's newest segment was `cut_at`.
    async fn one<R: Replicated>(&self, group: &Arc<Group<R>>, cut_at: &mut Option<SegmentId>) {
        group.checkpoint().await;
        let segments = self.log.segments();
        let newest = segments.iter().map(|usage| usage.segment).max();
        let newest = newest.unwrap_or_default();
        let is_behind = |segment: Option<SegmentId>, many: SegmentId| {
            segment.is_some_and(|segment| newest >= segment + many)
        };
        let oldest = group.log_usage().oldest_segment;
        let since_cut = cut_at.is_none() || is_behind(*cut_at, SEGMENTS_MANY);
        let grown = group.bytes_since_base().await >= self.config.base_log_bytes.as_u64();
        let pins =
            is_behind(oldest, SEGMENTS_MANY) && since_cut || is_behind(oldest, SEGMENTS_TOO_MANY);
        // One at rest would cut the same again, and gain nothing.
        if (grown || pins) && group.is_ahead_of_its_base().await {
            let begun = Instant::now();
            match group.cut_base().await {
                Ok(()) => {
                    *cut_at = Some(newest);
                    let seconds = begun.elapsed().as_secs_f64();
                    self.metrics.checkpoint.base_seconds.record(seconds);
                }
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
}

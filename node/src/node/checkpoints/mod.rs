//! When checkpoints are made and bases are cut.

mod base_due;
mod scrub;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use self::base_due::BaseDue;
use crate::{
    config::CheckpointConfig,
    control::ControlPlane,
    observe::{Metrics, metrics::SavedGroup},
    raft::{Group, Replicated},
    route::Router,
    shard::ShardReplica,
    store::log::{FileLog, SegmentId},
};

pub use self::scrub::Scrub;

/// How often it is looked whether a shard's checkpoint is due, and who may leave the memory.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Time between two checkpoints of a shard while many idle learners take the memory: only who is saved may leave it.
const INTERVAL_IN_A_CROWD: Duration = Duration::from_secs(1);

/// Makes checkpoints of all groups of the node: of each at least every `config.interval` while it has anything new; of a shard as soon
/// as its share of `config.log_bytes` was applied; a base once `config.base_log_bytes` were applied, or much of the log is kept for it.
pub struct Checkpoints {
    pub router: Arc<Router>,
    pub control: Arc<ControlPlane>,
    pub log: Arc<FileLog>,
    pub metrics: Arc<Metrics>,
    pub config: CheckpointConfig,
}

impl Checkpoints {
    /// The checkpoints of one shard, until told to stop.
    pub async fn run_shard(self: Arc<Self>, shard: Arc<ShardReplica>, stop: CancellationToken) {
        let group = shard.group();
        self.begin(group).await;
        let mut base_due = self.base_due(group);
        let mut last = self.staggered(&shard);
        let mut due_bytes = self.first_due_bytes(&shard);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY.min(self.config.interval)) => {}
            }
            let memory = self.router.memory();
            let is_crowded = memory.is_crowded();
            let some_wait = shard.passivate(is_crowded).await;
            // Were nobody to leave, a checkpoint would not make room: learners in a lesson stay. Only when there is none at all, what they let
            // go of has to do.
            let interval = if is_crowded && some_wait || memory.is_full() {
                self.config.interval.min(INTERVAL_IN_A_CROWD)
            } else {
                self.config.interval
            };
            let is_due = last.elapsed() >= interval;
            if is_due || group.bytes_since_capture().await >= due_bytes {
                last = Instant::now();
                due_bytes = self.due_bytes();
                self.one(group, &mut base_due).await;
                if memory.is_tight() {
                    shard.evict_blocks().await;
                }
            }
        }
    }

    /// Shards take their regular checkpoints one after the other, not all at once: the first in the same order as
    /// [those by bytes](Self::first_due_bytes), or the two would meet halfway.
    fn staggered(&self, shard: &ShardReplica) -> Instant {
        let shards = self.router.shards().len().max(1);
        let behind = shards.saturating_sub(usize::from(shard.shard()) + 1);
        let share = behind as f64 / shards as f64;
        let now = Instant::now();
        now.checked_sub(self.config.interval.mul_f64(share))
            .unwrap_or(now)
    }

    /// What may be applied to a shard between two checkpoints, bytes: spread evenly, so that all shards together never have applied more
    /// than [`CheckpointConfig::log_bytes`] since theirs, each may have nearly twice its share of that.
    fn due_bytes(&self) -> u64 {
        let shards = self.router.shards().len() as u64;
        self.config.log_bytes.as_u64() * 2 / (shards + 1)
    }

    /// The same for the first since the start. That of each shard is another one, so that their checkpoints are spread from then on.
    fn first_due_bytes(&self, shard: &ShardReplica) -> u64 {
        let shards = self.router.shards().len().max(1) as u64;
        self.due_bytes() * (u64::from(shard.shard()) + 1) / shards
    }

    /// The checkpoints of the control plane, until told to stop.
    pub async fn run_control(self: Arc<Self>, stop: CancellationToken) {
        let group = self.control.group();
        self.begin(group).await;
        let mut base_due = self.base_due(group);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.config.interval) => {}
            }
            self.one(group, &mut base_due).await;
        }
    }

    /// A checkpoint of every group.
    pub async fn all(&self) {
        for shard in self.router.shards() {
            shard.group().checkpoint().await;
        }
        self.control.group().checkpoint().await;
    }

    /// A checkpoint of a group, and a base where one is due.
    async fn one<R: Replicated>(&self, group: &Arc<Group<R>>, base_due: &mut BaseDue) {
        group.checkpoint().await;
        let newest = self.newest_segment();
        let grown = group.bytes_since_base().await >= self.config.base_log_bytes.as_u64();
        let pins = base_due.is_due(newest, group.log_usage().oldest_segment);
        let is_due = grown || pins || group.has_lost_base();
        // One at rest would cut the same again, and gain nothing.
        if !is_due || !group.is_ahead_of_its_base().await {
            return;
        }
        let begun = Instant::now();
        match group.cut_base().await {
            Ok(()) => {
                base_due.was_cut(newest);
                let seconds = begun.elapsed().as_secs_f64();
                self.metrics.checkpoint.base_seconds.record(seconds);
            }
            Err(error) => {
                self.metrics.checkpoint.fail();
                tracing::warn!(%error, "a base was not cut; the log is kept meanwhile");
            }
        }
    }

    fn base_due<R: Replicated>(&self, group: &Group<R>) -> BaseDue {
        let groups = self.router.shards().len() + 1;
        BaseDue::since_start(self.newest_segment(), group.id(), groups)
    }

    fn newest_segment(&self) -> SegmentId {
        let segments = self.log.segments();
        let newest = segments.iter().map(|usage| usage.segment).max();
        newest.unwrap_or_default()
    }

    /// What a group replayed has waited since the start, as far as anybody can tell.
    async fn begin<R: Replicated>(&self, group: &Group<R>) {
        let saved = SavedGroup {
            at: Instant::now(),
            index: group.checkpoint_index().await,
        };
        self.metrics.checkpoint.saved.note(group.id(), saved);
    }
}

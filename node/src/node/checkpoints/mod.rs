//! When checkpoints and bases are made.

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

/// How often a shard is checked for a due checkpoint and for learners to passivate.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Time between two checkpoints of a shard while idle learners make memory short: a learner can be
/// passivated only once it is saved.
const INTERVAL_IN_A_CROWD: Duration = Duration::from_secs(5);
/// The same while events wait for memory.
const INTERVAL_UNDER_PRESSURE: Duration = Duration::from_secs(1);

/// Makes the checkpoints and bases of all groups of a node.
///
/// A group has a checkpoint every `config.interval`, if anything is new. A shard has one earlier
/// once its share of `config.log_bytes` was applied. A base is due after `config.base_log_bytes`,
/// or when the group keeps too many segments of the log.
pub struct Checkpoints {
    pub router: Arc<Router>,
    pub control: Arc<ControlPlane>,
    pub log: Arc<FileLog>,
    pub metrics: Arc<Metrics>,
    pub config: CheckpointConfig,
}

impl Checkpoints {
    /// Makes the checkpoints of one shard until `stop` is cancelled.
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
            let some_wait = shard.passivate().await;
            // Early checkpoints help only if learners can be passivated after them; those in a
            // lesson stay. Once the memory is full, evicting their earlier events has to suffice.
            let interval = if memory.is_full() || some_wait && memory.is_pressed() {
                self.config.interval.min(INTERVAL_UNDER_PRESSURE)
            } else if some_wait && memory.is_crowded() {
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

    /// Spreads the shards' regular checkpoints over the interval, in the same order as [those by
    /// bytes](Self::first_due_bytes), so that the two kinds do not coincide.
    fn staggered(&self, shard: &ShardReplica) -> Instant {
        let shards = self.router.shards().len().max(1);
        let behind = shards.saturating_sub(usize::from(shard.shard()) + 1);
        let share = behind as f64 / shards as f64;
        let now = Instant::now();
        now.checked_sub(self.config.interval.mul_f64(share))
            .unwrap_or(now)
    }

    /// Bytes applied to a shard after which its checkpoint is due. The shards' checkpoints are
    /// evenly spread, so the average is half of the maximum: each shard may have nearly twice its
    /// share of [`CheckpointConfig::log_bytes`].
    fn due_bytes(&self) -> u64 {
        let shards = self.router.shards().len() as u64;
        self.config.log_bytes.as_u64() * 2 / (shards + 1)
    }

    /// The same for the first checkpoint after a start. It differs from shard to shard, which
    /// spreads all later ones as well.
    fn first_due_bytes(&self, shard: &ShardReplica) -> u64 {
        let shards = self.router.shards().len().max(1) as u64;
        self.due_bytes() * (u64::from(shard.shard()) + 1) / shards
    }

    /// Makes the checkpoints of the control plane until `stop` is cancelled.
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

    /// Makes a checkpoint of every group.
    pub async fn all(&self) {
        for shard in self.router.shards() {
            shard.group().checkpoint().await;
        }
        self.control.group().checkpoint().await;
    }

    /// Makes a checkpoint of a group, and a base if one is due.
    async fn one<R: Replicated>(&self, group: &Arc<Group<R>>, base_due: &mut BaseDue) {
        group.checkpoint().await;
        let newest = self.newest_segment();
        let grown = group.bytes_since_base().await >= self.config.base_log_bytes.as_u64();
        let pins = base_due.is_due(newest, group.log_usage().oldest_segment);
        let is_due = grown || pins || group.has_lost_base();
        // A group without new entries would write the same base again.
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

    /// Counts what a group replayed as unsaved since the start; how long it was unsaved before is
    /// not known.
    async fn begin<R: Replicated>(&self, group: &Group<R>) {
        let saved = SavedGroup {
            at: Instant::now(),
            index: group.checkpoint_index().await,
        };
        self.metrics.checkpoint.saved.note(group.id(), saved);
    }
}

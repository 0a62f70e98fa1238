//! Figures that are read when metrics are rendered, or once a second, instead of at each change.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use homeroom_core::shard::{Counters, Sequence};
use tokio_util::sync::CancellationToken;

use super::start::Started;
use crate::{
    config::Config,
    observe::{
        DiskSpace, Fill, Metrics, ResourceUsage,
        metrics::{ReplicaState, ShardFigures},
    },
    route::Router,
    shard::ShardReplica,
    store::{
        self,
        checkpoint::CheckpointStore,
        log::{FileLog, LogEngine},
    },
};

/// Time between two reads of figures that need a shard's state between two entries.
const EVERY: Duration = Duration::from_secs(1);

/// Reads figures and sets them as metrics.
pub struct Gauges {
    metrics: Arc<Metrics>,
    router: Arc<Router>,
    log: Arc<FileLog>,
    store: Arc<CheckpointStore>,
    data_dir: PathBuf,
    log_queue_bytes_max: u64,
    checkpoint_interval: Duration,
}

impl Gauges {
    /// For a node that has started. While the value lives, each rendering of the metrics first
    /// updates the figures that can be read at any moment.
    pub fn new(config: &Config, metrics: &Arc<Metrics>, started: &Started) -> Arc<Self> {
        let gauges = Arc::new(Self {
            metrics: Arc::clone(metrics),
            router: Arc::clone(&started.router),
            log: Arc::clone(&started.log),
            store: Arc::clone(&started.store),
            data_dir: config.node.data_dir.clone(),
            log_queue_bytes_max: config.log.queue_bytes_max.as_u64(),
            checkpoint_interval: config.checkpoint.interval,
        });
        let weak = Arc::downgrade(&gauges);
        metrics.before_render(move |_| {
            if let Some(gauges) = weak.upgrade() {
                gauges.show_now();
            }
        });
        gauges
    }

    /// Reads shards and sources every second until `stop` is cancelled.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => self.look().await,
            }
        }
    }

    /// Shows the sources' counters, and records what the diagnosis needs of the last minutes. The
    /// first call is the begin of the first interval.
    pub async fn look(&self) {
        let now = Instant::now();
        for shard in self.router.shards() {
            let lag_ms = shard.view().watermark_lag_ms;
            self.metrics
                .recent_activity
                .record_lag(shard.shard(), lag_ms, now);
        }
        self.show_sources().await;
    }

    /// What the node has and uses at the moment.
    pub fn resources(&self) -> ResourceUsage {
        let memory = self.router.memory();
        ResourceUsage {
            disk: DiskSpace::of(&self.data_dir)
                .map_err(|error| format!("{}: {error}", self.data_dir.display())),
            ingest_queue: Fill {
                used_bytes: self.router.queued_bytes(),
                max_bytes: self.router.queue_bytes_max(),
            },
            log_queue: Fill {
                used_bytes: self.log.budget().used_bytes(),
                max_bytes: self.log_queue_bytes_max,
            },
            memory: Fill {
                used_bytes: memory.used_bytes(),
                max_bytes: memory.max(),
            },
            memory_is_pressed: memory.is_pressed(),
            checkpoint_interval: self.checkpoint_interval,
            bases_rejected: self.store.rejected_bases(),
            store_waits: store::waits(),
            store_is_waiting: store::is_waiting(),
        }
    }

    fn show_now(&self) {
        let mut active = 0;
        for shard in self.router.shards() {
            active += shard.active_learners();
            self.metrics
                .shard
                .show_replica(shard.shard(), state_of(shard));
            let view = shard.view();
            let hash = view.entry_hash.value();
            (self.metrics.shard).show_applied(shard.shard(), view.applied_index, hash);
            if let Some(watermark_ms) = view.freshness.watermark_ms {
                let figures = ShardFigures {
                    lag_ms: view.watermark_lag_ms,
                    watermark_ms,
                    newest_event_ms: view.at.event_clock_ms,
                };
                self.metrics.shard.show(shard.shard(), figures);
            }
        }
        self.metrics.learner.active.set(active as f64);
        let resources = self.resources();
        self.metrics.resource.show(&resources);
        let rejections = &self.metrics.checkpoint.rejections;
        rejections.absolute(resources.bases_rejected);
        if let Some((_, age)) = self.metrics.checkpoint.saved.oldest() {
            self.metrics.checkpoint.age_seconds.set(age.as_secs_f64());
        }
        let (shown, stats) = (&self.metrics.log, self.log.stats());
        shown.append_bytes.absolute(stats.appended_bytes());
        shown.fsyncs.absolute(stats.fsyncs());
        shown.segments.set(stats.segments() as f64);
        shown.bytes.set(stats.disk_bytes() as f64);
    }

    async fn show_sources(&self) {
        let mut sources: BTreeMap<String, (Counters, Option<Sequence>)> = BTreeMap::new();
        for shard in self.router.shards() {
            shard
                .inspect(|state| {
                    for (source, counters) in state.counters() {
                        let (sum, _) = sources.entry(source.to_owned()).or_default();
                        sum.merge(counters);
                    }
                    for (source, sequence) in state.sequences() {
                        let (_, sum) = sources.entry(source.to_owned()).or_default();
                        *sum = Some(sum.map_or(sequence, |sum| sum.merged(sequence)));
                    }
                })
                .await;
        }
        let seen = sources
            .iter()
            .map(|(source, (counters, _))| (source.clone(), counters.into()));
        self.metrics
            .recent_activity
            .record_counters(seen, Instant::now());
        let totals = sources.iter().map(|(source, (counters, sequence))| {
            let gaps = sequence.map_or(0, Sequence::missing);
            (source.as_str(), (counters.clone(), gaps))
        });
        self.metrics.ingest.sources.show(totals);
    }
}

fn state_of(shard: &ShardReplica) -> ReplicaState {
    match (shard.failed(), shard.leadership().leads) {
        (Some(_), _) => ReplicaState::Failed,
        (None, true) => ReplicaState::Leads,
        (None, false) => ReplicaState::Follows,
    }
}

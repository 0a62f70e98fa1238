//! Metrics in Prometheus' format.
//!
//! Each part of the node holds the handles of its own metrics. Counting costs one addition per
//! batch, and no lookup. No label has values from learners, and none has more than 256 values from
//! sources.

mod buckets;
mod checkpoint;
mod connection;
mod event_histogram;
mod ingest;
mod learner;
mod log;
mod read;
mod registry;
mod resource;
mod saved;
mod shard;
mod source;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::metrics::Gauge;
use parking_lot::Mutex;

pub use checkpoint::CheckpointMetrics;
pub use connection::{ConnectionEnd, ConnectionMetrics, ListenerMetrics};
pub use event_histogram::EventHistogram;
pub use ingest::{IngestMetrics, Outcome, Transport};
pub use learner::LearnerMetrics;
pub use log::LogMetrics;
pub use read::{Consistency, ReadMetrics};
pub use resource::ResourceMetrics;
pub use saved::{SavedGroup, SavedGroups};
pub use shard::{ReplicaState, ShardFigures, ShardMetrics};
pub use source::SourceMetrics;

use super::recent_activity::RecentActivity;
use registry::Registry;

type Reading = Box<dyn Fn(&Metrics) + Send + Sync>;

/// All metrics of one node. They do not use the process's global recorder, so that two nodes in one
/// process count separately.
pub struct Metrics {
    /// Ingress.
    pub ingest: Arc<IngestMetrics>,
    /// The log under Raft.
    pub log: Arc<LogMetrics>,
    /// Checkpoints and bases.
    pub checkpoint: Arc<CheckpointMetrics>,
    /// Learners, their windows and their shards.
    pub learner: Arc<LearnerMetrics>,
    /// Event time, by shard.
    pub shard: ShardMetrics,
    /// Queues, memory, disk.
    pub resource: ResourceMetrics,
    /// Queries.
    pub read: Arc<ReadMetrics>,
    /// Connections of the listeners.
    pub listener: ListenerMetrics,
    /// Not rendered; the diagnosis judges by it what is recent.
    pub recent_activity: RecentActivity,
    registry: Arc<Registry>,
    readings: Mutex<Vec<Reading>>,
    /// Constants, held so that they are registered exactly once.
    _process: [Gauge; 2],
}

impl Metrics {
    /// Metrics that are all zero; the process counts as started now.
    pub fn new() -> Self {
        let registry = Arc::new(Registry::new());
        Self {
            ingest: Arc::new(IngestMetrics::new(&registry)),
            log: Arc::new(LogMetrics::new(&registry)),
            checkpoint: Arc::new(CheckpointMetrics::new(&registry)),
            learner: Arc::new(LearnerMetrics::new(&registry)),
            shard: ShardMetrics::new(&registry),
            resource: ResourceMetrics::new(&registry),
            read: Arc::new(ReadMetrics::new(&registry)),
            listener: ListenerMetrics::new(&registry),
            recent_activity: RecentActivity::default(),
            _process: process_gauges(&registry),
            readings: Mutex::default(),
            registry,
        }
    }

    /// Calls `read` before each rendering, to set gauges whose values need not be updated at each
    /// change. It must not block.
    pub fn before_render(&self, read: impl Fn(&Self) + Send + Sync + 'static) {
        let mut readings = self.readings.lock();
        readings.push(Box::new(read));
    }

    /// All metrics, in Prometheus' text format 0.0.4.
    pub fn render(&self) -> String {
        let readings = self.readings.lock();
        for read in readings.iter() {
            read(self);
        }
        drop(readings);
        self.registry.render()
    }

    /// Moves the samples of histograms into their buckets every `interval`, without end; otherwise
    /// their memory would grow until the next rendering. The owner drops or aborts the future.
    pub async fn run_upkeep(self: Arc<Self>, interval: Duration) {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.registry.run_upkeep();
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn process_gauges(registry: &Registry) -> [Gauge; 2] {
    registry.describe_gauge(
        "homeroom_build_info",
        "1, with the version of the build as a label",
    );
    let build = registry.gauge(
        "homeroom_build_info",
        &[("version", env!("CARGO_PKG_VERSION"))],
    );
    build.set(1.0);
    registry.describe_gauge(
        "homeroom_process_start_time_seconds",
        "When the process started, in seconds since the epoch",
    );
    let start = registry.gauge("homeroom_process_start_time_seconds", &[]);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    start.set(now.as_secs_f64());
    [build, start]
}

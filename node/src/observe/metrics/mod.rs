//! What is counted and measured, in Prometheus' form.
//!
//! Handles are held by the parts that count, one group for each; counting is one addition per batch, never one lookup.
//! No label takes its values from learners, and none takes more than 256 from sources.

mod buckets;
mod checkpoint;
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
pub use event_histogram::EventHistogram;
pub use ingest::{IngestMetrics, Outcome, Transport};
pub use learner::LearnerMetrics;
pub use log::LogMetrics;
pub use read::{Consistency, ReadMetrics};
pub use resource::ResourceMetrics;
pub use saved::{SavedGroup, SavedGroups};
pub use shard::{ShardFigures, ShardMetrics};
pub use source::SourceMetrics;

use super::recent_activity::RecentActivity;
use registry::Registry;

type Reading = Box<dyn Fn(&Metrics) + Send + Sync>;

/// All that one node counts. Not the process's global recorder: two nodes in one process count apart.
pub struct Metrics {
    /// The way in.
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
    /// Not shown as figures: for the diagnosis, which judges what is recent.
    pub recent_activity: RecentActivity,
    registry: Arc<Registry>,
    readings: Mutex<Vec<Reading>>,
    /// Constants, held so that they are registered exactly once.
    _process: [Gauge; 2],
}

impl Metrics {
    /// A fresh set, all zero; the process counts as started now.
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
            recent_activity: RecentActivity::default(),
            _process: process_gauges(&registry),
            readings: Mutex::default(),
            registry,
        }
    }

    /// Has `read` set gauges right before each rendering: for what its owner knows anyhow and need not tell all the time.
    /// It must not wait.
    pub fn before_render(&self, read: impl Fn(&Self) + Send + Sync + 'static) {
        let mut readings = self.readings.lock();
        readings.push(Box::new(read));
    }

    /// Everything, in Prometheus' text format 0.0.4.
    pub fn render(&self) -> String {
        let readings = self.readings.lock();
        for read in readings.iter() {
            read(self);
        }
        drop(readings);
        self.registry.render()
    }

    /// Empties what histograms have gathered into their buckets, every `interval`, for ever: without it their memory grows until
    /// somebody renders. The owner drops or aborts it.
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

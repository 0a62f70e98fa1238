//! Counts the events of shards as metrics.

use std::sync::Arc;

use homeroom_core::shard::Outcome;

use crate::{observe::Metrics, shard::ShardEvents};

/// Counts into the metrics of a node.
pub struct ShardEventMetrics(pub Arc<Metrics>);

impl ShardEvents for ShardEventMetrics {
    fn applied(&self, outcomes: &[Outcome], amended: usize) {
        self.0.learner.entries_applied.increment(1);
        self.0.learner.events_amended.increment(amended as u64);
        self.0.ingest.entry_events.record(outcomes.len() as f64);
    }

    fn activated(&self, learners: usize) {
        self.0.learner.woken.increment(learners as u64);
    }

    fn retired(&self, learners: usize) {
        self.0.learner.passivated.increment(learners as u64);
    }

    fn block_read(&self) {
        self.0.learner.blocks_read.increment(1);
    }

    fn windows_closed(&self, windows: u64) {
        self.0.learner.windows_closed.increment(windows);
    }

    fn windows_corrected(&self, windows: usize) {
        self.0.learner.windows_revised.increment(windows as u64);
    }
}

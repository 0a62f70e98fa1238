//! Figures that nobody tells of as they change: looked up in turn.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use homeroom_core::shard::Counters;
use tokio_util::sync::CancellationToken;

use crate::{
    observe::{Metrics, metrics::Outcome},
    route::Router,
    store::log::FileLog,
};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// Looks figures up and shows them as metrics.
pub struct Gauges {
    pub metrics: Arc<Metrics>,
    pub router: Arc<Router>,
    pub log: Arc<FileLog>,
}

impl Gauges {
    /// Until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => self.look().await,
            }
        }
    }

    async fn look(&self) {
        let mut sources: BTreeMap<String, Counters> = BTreeMap::new();
        let mut active = 0;
        for shard in self.router.shards() {
            active += shard.active_learners();
            let view = shard.view();
            if let Some(watermark_ms) = view.freshness.watermark_ms {
                let lag_ms = (view.at.event_clock_ms - watermark_ms).max(0);
                let lag = self.metrics.learner.watermark_lag_seconds(shard.shard());
                lag.set(lag_ms as f64 / 1_000.0);
            }
            shard
                .inspect(|state| {
                    for (source, counters) in state.counters() {
                        sources
                            .entry(source.to_owned())
                            .or_default()
                            .merge(counters);
                    }
                })
                .await;
        }
        self.metrics.learner.active.set(active as f64);
        self.metrics
            .ingest
            .queue_bytes
            .set(self.router.queued_bytes() as f64);
        self.show_sources(&sources);
        self.show_log();
    }

    /// The counters are replicated state: they go on where they were, whoever leads.
    fn show_sources(&self, sources: &BTreeMap<String, Counters>) {
        for (source, counters) in sources {
            let shown = self.metrics.ingest.sources.of(source);
            shown.events(Outcome::Accepted).absolute(counters.accepted);
            shown
                .events(Outcome::Duplicate)
                .absolute(counters.duplicate);
            shown.events(Outcome::Shadowed).absolute(counters.shadowed);
            shown
                .events(Outcome::DeadLettered)
                .absolute(counters.dead_letters());
        }
    }

    fn show_log(&self) {
        let stats = self.log.stats();
        self.metrics
            .log
            .append_bytes
            .absolute(stats.appended_bytes());
        self.metrics.log.fsyncs.absolute(stats.fsyncs());
        self.metrics.log.segments.set(stats.segments() as f64);
        self.metrics.log.bytes.set(stats.disk_bytes() as f64);
    }
}

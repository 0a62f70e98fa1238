//! What the checks judge.

use std::{collections::BTreeMap, time::Duration};

use homeroom_core::{
    Reason, Settings,
    shard::{Counters, Sequence},
};

use crate::observe::{Deliveries, DurationSummary, Interval, ResourceUsage};

/// A node, at about one moment.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Over all shards, by name.
    pub sources: BTreeMap<String, SourceFacts>,
    /// Those that answered.
    pub shards: Vec<ShardFacts>,
    /// Those that did not, by number.
    pub silent_shards: Vec<u16>,
    pub settings: Settings,
    /// Of xAPI accounts, by source, since the node started.
    pub home_pages: BTreeMap<Box<str>, Vec<Box<str>>>,
    pub resources: ResourceUsage,
    pub appends: DurationSummary,
    pub fsyncs: DurationSummary,
    /// The group that has waited longest for a checkpoint.
    pub oldest_checkpoint: Option<(String, Duration)>,
    /// Bases that failed since the node started.
    pub base_failures: u64,
    /// This node's clock, ms since the epoch.
    pub wall_ms: i64,
}

/// One source.
#[derive(Clone, Debug, Default)]
pub(super) struct SourceFacts {
    pub counters: Counters,
    pub sequence: Option<Sequence>,
    /// What it delivered over the last 5 and the last 10 min.
    pub recent: [Interval; 2],
    /// Kept dead letters, by reason.
    pub letters: BTreeMap<Reason, u64>,
    /// Declared ordered, and sent an event that was not.
    pub broke_order: bool,
    /// Newest accepted event time, ms.
    pub newest_event_ms: Option<i64>,
    /// Shards that it speaks to.
    pub speaks: u32,
    /// Of these: where it is far behind the foremost.
    pub lags: u32,
}

/// One shard.
#[derive(Clone, Debug, Default)]
pub(super) struct ShardFacts {
    pub shard: u16,
    pub applied_index: u64,
    /// Of its newest checkpoint.
    pub checkpoint_index: Option<u64>,
    /// `None` before the first accepted event.
    pub watermark_ms: Option<i64>,
    /// What the watermark is behind by, beside what the delays explain, ms.
    pub lag_ms: i64,
    /// For how long the lag has been over [`LAG_MAX_MS`](crate::observe::LAG_MAX_MS) without a break.
    pub behind_for: Option<Duration>,
    /// The source that holds the watermark back most.
    pub slowest: Option<String>,
    /// Log time now, ms.
    pub log_now_ms: i64,
    /// Log time at which an entry is or was due, ms.
    pub next_due_ms: Option<i64>,
}

impl SourceFacts {
    /// Dead letters that are kept.
    pub fn letters_kept(&self) -> u64 {
        self.letters.values().sum()
    }

    /// What it delivered over the longest recent interval for which `holds`, and how long that is.
    pub fn recent(&self, holds: impl Fn(&Deliveries) -> bool) -> Option<(Deliveries, Duration)> {
        let mut longest_first = self.recent.iter().rev();
        let found = longest_first.find(|interval| holds(&interval.deliveries))?;
        Some((found.deliveries, found.over))
    }
}

/// Of all; none of none.
pub(super) fn share(part: u64, all: u64) -> f64 {
    part as f64 / all.max(1) as f64
}

//! The input of the checks.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use homeroom_core::{
    Reason, Settings,
    shard::{Counters, Sequence},
};

use crate::observe::{Deliveries, DurationSummary, Interval, ResourceUsage};

/// The state of a node at about one moment.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Over all shards, by name.
    pub sources: BTreeMap<String, SourceFacts>,
    /// Shards that answered.
    pub shards: Vec<ShardFacts>,
    /// Numbers of the shards that did not answer.
    pub silent_shards: Vec<u16>,
    pub settings: Settings,
    /// The homePages of xAPI accounts, by source, since the node started.
    pub home_pages: BTreeMap<Box<str>, Vec<Box<str>>>,
    pub resources: ResourceUsage,
    pub appends: DurationSummary,
    pub fsyncs: DurationSummary,
    /// The group that has waited longest for a checkpoint.
    pub oldest_checkpoint: Option<(String, Duration)>,
    /// Groups whose replica on this node has ended by itself, with the reason.
    pub failed: Vec<(String, Arc<str>)>,
    /// Number of shards whose replica on this node leads.
    pub led: usize,
    /// Groups that take no more entries, with the reason.
    pub sealed: Vec<(String, Arc<str>)>,
    /// Bases that failed since the node started.
    pub base_failures: u64,
    /// This node's wall clock, ms since the epoch.
    pub wall_ms: i64,
}

/// Facts of one source.
#[derive(Clone, Debug, Default)]
pub(super) struct SourceFacts {
    pub counters: Counters,
    pub sequence: Option<Sequence>,
    /// Its deliveries over the last 5 and the last 10 min.
    pub recent: [Interval; 2],
    /// Kept dead letters, by reason.
    pub letters: BTreeMap<Reason, u64>,
    /// It is declared ordered, and sent an event out of order.
    pub broke_order: bool,
    /// Newest accepted event time, ms.
    pub newest_event_ms: Option<i64>,
    /// Number of shards on which it is not idle.
    pub speaks: u32,
    /// Number of these shards on which it is far behind the foremost source.
    pub lags: u32,
}

/// Facts of one shard.
#[derive(Clone, Debug, Default)]
pub(super) struct ShardFacts {
    pub shard: u16,
    pub applied_index: u64,
    /// Log index of its newest checkpoint.
    pub checkpoint_index: Option<u64>,
    /// `None` before the first accepted event.
    pub watermark_ms: Option<i64>,
    /// Lag of the watermark beyond the sources' delays, ms.
    pub lag_ms: i64,
    /// For how long the lag has been over [`LAG_MAX_MS`](crate::observe::LAG_MAX_MS).
    pub behind_for: Option<Duration>,
    /// The source that holds the watermark back most.
    pub slowest: Option<String>,
    /// Log time now, ms; `None` when there is none yet.
    pub log_now_ms: Option<i64>,
    /// Whether log time runs at ten times real time, to catch up with the wall clocks.
    pub catches_up: bool,
    /// Log time at which the next entry is due, or was, ms.
    pub next_due_ms: Option<i64>,
}

impl SourceFacts {
    /// Number of its kept dead letters.
    pub fn letters_kept(&self) -> u64 {
        self.letters.values().sum()
    }

    /// Its deliveries over the longest recent interval for which `holds`, and the length of that
    /// interval.
    pub fn recent(&self, holds: impl Fn(&Deliveries) -> bool) -> Option<(Deliveries, Duration)> {
        let mut longest_first = self.recent.iter().rev();
        let found = longest_first.find(|interval| holds(&interval.deliveries))?;
        Some((found.deliveries, found.over))
    }
}

/// A part as a share of all; 0 if there are none.
pub(super) fn share(part: u64, all: u64) -> f64 {
    part as f64 / all.max(1) as f64
}

//! The last minutes of a node. Counters since the founding, or the lag at one moment, do not show
//! what is wrong now.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use homeroom_core::shard::Counters;
use parking_lot::{Mutex, MutexGuard};

/// Time between two snapshots of the counters.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(30);
/// One at each end of the longest interval, and one more because the newest may be up to 30 s old.
const SNAPSHOTS_MAX: usize = 22;
/// A shard whose watermark lags by more is behind, ms of event time. Same bound as the alert rule.
pub const LAG_MAX_MS: i64 = 10_000;

/// Since when shards are behind, and what sources delivered over the last 10 min. Written by one
/// task, and read by any.
#[derive(Debug, Default)]
pub struct RecentActivity(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    /// By shard: since when its lag has been over the bound.
    behind_since: BTreeMap<u16, Instant>,
    /// Counters of all sources, the oldest first; at most [`SNAPSHOTS_MAX`].
    snapshots: VecDeque<(Instant, BTreeMap<String, Deliveries>)>,
}

/// A source's deliveries, and those of them that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deliveries {
    /// All deliveries.
    pub received: u64,
    /// Dead-lettered.
    pub refused: u64,
    /// Duplicates with other content.
    pub conflicting: u64,
}

/// The deliveries of an interval that ends now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    /// Length of the interval: as requested, or up to 31 s longer; shorter if the node is younger.
    pub over: Duration,
    /// Deliveries in the interval.
    pub deliveries: Deliveries,
}

impl RecentActivity {
    /// Records a shard's lag, ms of event time.
    pub fn record_lag(&self, shard: u16, lag_ms: i64, now: Instant) {
        let since = &mut self.memory().behind_since;
        if lag_ms > LAG_MAX_MS {
            since.entry(shard).or_insert(now);
        } else {
            since.remove(&shard);
        }
    }

    /// Records the counters of all sources. Ignored if the last snapshot is less than 30 s old.
    pub fn record_counters(
        &self,
        sources: impl IntoIterator<Item = (String, Deliveries)>,
        now: Instant,
    ) {
        let snapshots = &mut self.memory().snapshots;
        let is_due = |(taken, _): &(Instant, _)| now.duration_since(*taken) >= SNAPSHOT_EVERY;
        if !snapshots.back().is_none_or(is_due) {
            return;
        }
        if snapshots.len() == SNAPSHOTS_MAX {
            snapshots.pop_front();
        }
        snapshots.push_back((now, sources.into_iter().collect()));
    }

    /// How long a shard has been behind; `None` if it was not when its lag was last recorded.
    pub fn behind_for(&self, shard: u16, now: Instant) -> Option<Duration> {
        let since = self.memory().behind_since.get(&shard).copied();
        since.map(|since| now.duration_since(since))
    }

    /// What a source delivered over the interval `over`, at most 10 min; `until_now` are its
    /// deliveries since the founding.
    pub fn within(
        &self,
        over: Duration,
        source: &str,
        until_now: Deliveries,
        now: Instant,
    ) -> Interval {
        let memory = self.memory();
        let mut newest_first = memory.snapshots.iter().rev();
        let is_whole = |(taken, _): &&(Instant, _)| now.duration_since(*taken) >= over;
        let base = newest_first
            .find(is_whole)
            .or_else(|| memory.snapshots.front());
        let Some((taken, sources)) = base else {
            return Interval::default();
        };
        // A source without a snapshot has delivered everything since.
        let before = sources.get(source).copied().unwrap_or_default();
        Interval {
            over: now.duration_since(*taken),
            deliveries: until_now.since(before),
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock()
    }
}

impl From<&Counters> for Deliveries {
    fn from(counters: &Counters) -> Self {
        Self {
            received: counters.received,
            refused: counters.dead_letters(),
            conflicting: counters.conflicting,
        }
    }
}

impl Deliveries {
    fn since(self, before: Self) -> Self {
        Self {
            received: self.received.saturating_sub(before.received),
            refused: self.refused.saturating_sub(before.refused),
            conflicting: self.conflicting.saturating_sub(before.conflicting),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn received(received: u64) -> Deliveries {
        Deliveries {
            received,
            ..Deliveries::default()
        }
    }

    #[test]
    fn a_shard_is_behind_since_its_lag_was_last_within_the_bound() {
        let (activity, start) = (RecentActivity::default(), Instant::now());
        let at = |second| start + seconds(second);
        assert_eq!(activity.behind_for(0, at(0)), None);
        activity.record_lag(0, LAG_MAX_MS, at(0));
        assert_eq!(activity.behind_for(0, at(1)), None);
        for second in 1..=60 {
            activity.record_lag(0, LAG_MAX_MS + 1, at(second));
        }
        assert_eq!(activity.behind_for(0, at(61)), Some(seconds(60)));
        assert_eq!(activity.behind_for(1, at(61)), None, "another shard");
        activity.record_lag(0, LAG_MAX_MS, at(61));
        activity.record_lag(0, LAG_MAX_MS + 1, at(62));
        assert_eq!(activity.behind_for(0, at(63)), Some(seconds(1)));
    }

    #[test]
    fn an_interval_begins_with_the_snapshot_that_covers_it() {
        let (activity, start) = (RecentActivity::default(), Instant::now());
        // 10 deliveries a second, of a source that had 1,000 before the node started.
        for second in 0..=3_600 {
            let seen = ("lms".to_owned(), received(1_000 + 10 * second));
            activity.record_counters([seen], start + seconds(second));
        }
        let now = start + seconds(3_610);
        for (asked, over) in [(300, 310), (310, 310), (311, 340), (600, 610)] {
            let interval = activity.within(seconds(asked), "lms", received(37_100), now);
            assert_eq!(interval.over, seconds(over), "{asked} s asked for");
            assert_eq!(interval.deliveries, received(10 * over));
        }
        let new = activity.within(seconds(600), "tool", received(7), now);
        assert_eq!(new.deliveries, received(7), "all of a new source's");
        assert!(activity.memory().snapshots.len() <= SNAPSHOTS_MAX);
        // The longest interval is covered even just before the oldest snapshot is dropped.
        let now = start + seconds(3_629);
        let interval = activity.within(seconds(600), "lms", received(37_290), now);
        assert_eq!(interval.over, seconds(629));
    }

    #[test]
    fn a_young_node_reports_deliveries_since_its_start() {
        let (activity, start) = (RecentActivity::default(), Instant::now());
        let now = start + seconds(29);
        let unseen = activity.within(seconds(600), "lms", received(5), now);
        assert_eq!(unseen, Interval::default());
        activity.record_counters([("lms".to_owned(), received(500))], start);
        activity.record_counters([("lms".to_owned(), received(503))], now);
        let interval = activity.within(seconds(600), "lms", received(503), now);
        assert_eq!(
            (interval.over, interval.deliveries),
            (seconds(29), received(3))
        );
    }
}

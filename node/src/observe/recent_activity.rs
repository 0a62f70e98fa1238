//! What a node remembers of its last minutes: counters since the founding and a lag at one moment don't tell what is wrong now.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use homeroom_core::shard::Counters;
use parking_lot::{Mutex, MutexGuard};

/// Time between two snapshots of the counters.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(30);
/// One at each end of the longest interval, and one that is not due yet.
const SNAPSHOTS_MAX: usize = 22;
/// A shard whose watermark lags by more is behind, ms of event time: the alert rule's bound.
pub const LAG_MAX_MS: i64 = 10_000;

/// Since when shards are behind, and what sources delivered over the last 10 min. Told by one task, asked by any.
#[derive(Debug, Default)]
pub struct RecentActivity(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    /// By shard: since when its lag has been over the bound without a break.
    behind_since: BTreeMap<u16, Instant>,
    /// The oldest first, at most [`SNAPSHOTS_MAX`].
    snapshots: VecDeque<(Instant, BTreeMap<String, Deliveries>)>,
}

/// What a source delivered, and what of it did not go well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deliveries {
    /// All deliveries.
    pub received: u64,
    /// Dead-lettered.
    pub refused: u64,
    /// Duplicates with other content.
    pub conflicting: u64,
}

/// What was delivered over the last so long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    /// How long, up to now: as asked for, at most 31 s longer; shorter where the node is younger.
    pub over: Duration,
    /// What was delivered meanwhile.
    pub deliveries: Deliveries,
}

impl RecentActivity {
    /// Takes a look at a shard's lag, ms of event time.
    pub fn record_lag(&self, shard: u16, lag_ms: i64, now: Instant) {
        let since = &mut self.memory().behind_since;
        if lag_ms > LAG_MAX_MS {
            since.entry(shard).or_insert(now);
        } else {
            since.remove(&shard);
        }
    }

    /// Takes a look at the counters of all sources. Those seen less than 30 s after the last snapshot are not kept.
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

    /// How long a shard has been behind without a break; `None` if it was not at the last look.
    pub fn behind_for(&self, shard: u16, now: Instant) -> Option<Duration> {
        let since = self.memory().behind_since.get(&shard).copied();
        since.map(|since| now.duration_since(since))
    }

    /// What a source, which has delivered `until_now` since the founding, delivered over the last so long, at most 10 min.
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
        // A source that was not there then has delivered everything since.
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
        // Even one moment before the oldest has to go, the longest interval is covered.
        let now = start + seconds(3_629);
        let interval = activity.within(seconds(600), "lms", received(37_290), now);
        assert_eq!(interval.over, seconds(629));
    }

    #[test]
    fn a_young_node_tells_what_came_since_it_started() {
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

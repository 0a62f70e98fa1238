//! Recent durations of an operation. A histogram since the start can't show whether it is slow now.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// Maximum number of durations that are kept.
const TIMES_MAX: usize = 1_024;
/// Older durations do not count as recent.
const REMEMBERED_FOR: Duration = Duration::from_secs(300);

/// The newest 1,024 durations of the last 5 min. Adding one takes one short lock.
#[derive(Debug, Default)]
pub struct RecentDurations(Mutex<VecDeque<(Instant, Duration)>>);

/// Summary of the durations of the last 5 min.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DurationSummary {
    /// Number of durations, at most 1,024.
    pub count: usize,
    /// The 99th percentile.
    pub p99: Duration,
    /// The longest duration.
    pub longest: Duration,
}

impl RecentDurations {
    /// Adds the duration of an operation that ended now.
    pub fn add(&self, took: Duration) {
        let mut times = self.0.lock();
        if times.len() == TIMES_MAX {
            times.pop_front();
        }
        times.push_back((Instant::now(), took));
    }

    /// Summarises the recent durations.
    pub fn summary(&self) -> DurationSummary {
        let now = Instant::now();
        let times = self.0.lock();
        let recent = times
            .iter()
            .filter(|(ended, _)| now.duration_since(*ended) <= REMEMBERED_FOR);
        let mut recent: Vec<Duration> = recent.map(|(_, took)| *took).collect();
        drop(times);
        DurationSummary::of(&mut recent)
    }
}

impl DurationSummary {
    fn of(times: &mut [Duration]) -> Self {
        times.sort_unstable();
        // The smallest duration that at least 99 of 100 do not exceed.
        let rank = (times.len() * 99).div_ceil(100);
        let at = |place: usize| times.get(place).copied().unwrap_or_default();
        Self {
            count: times.len(),
            p99: at(rank.saturating_sub(1)),
            longest: at(times.len().saturating_sub(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_of_a_hundred_is_beyond_the_99th() {
        let mut times: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        let expected = DurationSummary {
            count: 100,
            p99: Duration::from_millis(99),
            longest: Duration::from_millis(100),
        };
        assert_eq!(DurationSummary::of(&mut times), expected);
        assert_eq!(DurationSummary::of(&mut []), DurationSummary::default());
    }

    #[test]
    fn only_the_newest_are_remembered() {
        let times = RecentDurations::default();
        times.add(Duration::from_secs(9));
        for _ in 0..TIMES_MAX {
            times.add(Duration::from_millis(1));
        }
        let summary = times.summary();
        assert_eq!(summary.count, TIMES_MAX);
        assert_eq!(summary.longest, Duration::from_millis(1));
    }
}

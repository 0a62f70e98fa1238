//! Which batches carry an event that is watched for.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use super::watched::{News, Probe};

/// Deals probes to batches: as many a second as asked for, evenly, at most one in a batch.
#[derive(Debug)]
pub(super) struct Probes {
    per_second: NonZeroU32,
    /// The next one's number, and place in the schedule.
    next: Mutex<u64>,
    news: mpsc::Sender<News>,
}

impl Probes {
    pub(super) fn new(per_second: NonZeroU32, news: mpsc::Sender<News>) -> Self {
        Self {
            per_second,
            next: Mutex::new(0),
            news,
        }
    }

    /// The number of the probe that a batch due so long after the start has to carry, if any.
    pub(super) fn take(&self, due: Duration) -> Option<u64> {
        let per_second = u128::from(self.per_second.get());
        // Probe n is due at n / per_second; of those that have fallen due, one is enough.
        let fallen_due = u64::try_from(due.as_nanos() * per_second / 1_000_000_000).ok()?;
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if fallen_due < *next {
            return None;
        }
        *next = fallen_due + 1;
        Some(fallen_due)
    }

    /// Has the probe watched for, from now on.
    pub(super) async fn watch(&self, probe: Probe) {
        // Whoever watches ends with the phase, not before it.
        let _ = self.news.send(News::Sent(probe)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(per_second: u32, batches_per_second: u64) -> Vec<u64> {
        let (news, _) = mpsc::channel(1);
        let probes = Probes::new(NonZeroU32::new(per_second).expect("above 0"), news);
        let due = |k: u64| Duration::from_nanos(k * 1_000_000_000 / batches_per_second);
        (0..2 * batches_per_second)
            .filter_map(|k| probes.take(due(k)))
            .collect()
    }

    #[test]
    fn probes_are_dealt_evenly_and_never_two_with_one_number() {
        let many_batches = taken(50, 1_000);
        assert_eq!(many_batches, (0..100).collect::<Vec<_>>());
        let few_batches = taken(50, 20);
        assert_eq!(few_batches.len(), 40, "one in each batch");
        assert!(few_batches.is_sorted_by(|a, b| a < b));
    }
}

//! Samples the batches that carry a probe.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::mpsc;

use super::{
    pending_probes::{Probe, ProbeUpdate},
    schedule::TURNS,
};

/// Samples batches at random, all with equal probability: on average as many a second as asked for,
/// at most one probe per batch. Probes at regular times would always hit the same source, or the
/// first batch after a pause.
#[derive(Debug)]
pub(super) struct ProbeSampler {
    per_second: NonZeroU32,
    deal: Mutex<Deal>,
    updates: mpsc::Sender<ProbeUpdate>,
}

#[derive(Debug)]
struct Deal {
    /// The next probe's number.
    next: u64,
    /// Batches so far.
    batches: u64,
    rng: Rng,
}

impl ProbeSampler {
    pub(super) fn new(
        per_second: NonZeroU32,
        seed: u64,
        updates: mpsc::Sender<ProbeUpdate>,
    ) -> Self {
        Self {
            per_second,
            deal: Mutex::new(Deal {
                next: 0,
                batches: 0,
                rng: Rng::with_seed(seed),
            }),
            updates,
        }
    }

    /// The number of the probe for a batch that is due at this time after the start, if it carries
    /// one.
    pub(super) fn take(&self, due: Duration) -> Option<u64> {
        let mut deal = self.deal.lock().unwrap_or_else(PoisonError::into_inner);
        deal.batches += 1;
        let asked_for = due.as_secs_f64() * f64::from(self.per_second.get());
        let of_each = asked_for / deal.batches as f64;
        // The first batch always carries one: a short or slow load may have no other.
        if deal.batches > 1 && deal.rng.f64() >= of_each {
            return None;
        }
        deal.next += 1;
        Some(deal.next - 1)
    }

    /// Probes per batch on average, for this rate of batches of all sources.
    pub(super) fn of_each(&self, batches_per_second: f64) -> f64 {
        let can_carry = TURNS.iter().filter(|source| source.has_interactions());
        let carriers_per_second =
            batches_per_second * can_carry.count() as f64 / TURNS.len() as f64;
        (f64::from(self.per_second.get()) / carriers_per_second).min(1.0)
    }

    /// Announces the probe to the prober.
    pub(super) async fn watch(&self, probe: Probe) {
        // The prober runs until all senders are dropped.
        let _ = self.updates.send(ProbeUpdate::Sent(probe)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::generator::Source;

    const SECONDS: u64 = 40;

    /// The batches that carry one of 50 probes a second, by source, with the probes' numbers.
    fn carried(batches_per_second: u64) -> Vec<(Source, u64)> {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let (updates, _) = mpsc::channel(1);
        let probes = ProbeSampler::new(NonZeroU32::new(50).expect("above 0"), seed, updates);
        let batches = (0..SECONDS * batches_per_second).map(|k| {
            let due = Duration::from_nanos(k * 1_000_000_000 / batches_per_second);
            (TURNS[(k % 10) as usize], due)
        });
        let batches = batches.filter(|(source, _)| source.has_interactions());
        let carried = batches.map(|(source, due)| Some((source, probes.take(due)?)));
        carried.flatten().collect()
    }

    #[test]
    fn sources_carry_as_many_as_asked_for_by_their_shares() {
        for batches_per_second in [100, 200, 600, 1_000] {
            let carried = carried(batches_per_second);
            let numbers = carried.iter().map(|(_, number)| *number);
            assert!(numbers.eq(0..carried.len() as u64));
            // Bounds of more than six standard deviations.
            let asked_for = 50.0 * SECONDS as f64;
            let ratio = carried.len() as f64 / asked_for;
            assert!(
                (0.86..1.14).contains(&ratio),
                "{ratio}: {batches_per_second}"
            );
            let of_video = carried
                .iter()
                .filter(|(source, _)| *source == Source::Video);
            let share = of_video.count() as f64 / carried.len() as f64;
            assert!(
                (0.30..0.45).contains(&share),
                "{share}: {batches_per_second}"
            );
        }
    }

    #[test]
    fn what_is_not_sent_would_have_carried_as_many() {
        let (updates, _) = mpsc::channel(1);
        let probes = ProbeSampler::new(NonZeroU32::new(50).expect("above 0"), 7, updates);
        assert_eq!(probes.of_each(1_000.0), 50.0 / 800.0);
        assert_eq!(probes.of_each(20.0), 1.0);
    }

    #[test]
    fn where_there_are_fewer_batches_each_carries_one() {
        let carried = carried(20).len() as u64;
        assert_eq!(carried, SECONDS * 16);
    }
}

//! A plan: one of the ways in which the same events may arrive.

use fastrand::Rng;
use homeroom_core::Settings;
use homeroom_tests::oracle::NaiveEvent;
use homeroom_tests::rig::{Applied, CoreRig, Delivery, USERS, core_event};

/// How deliveries become entries.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Log time of the first entry.
    pub log_start_ms: i64,
    /// Share of the deliveries that are repeated.
    pub again: f64,
    /// Whether learners are passivated, their blocks evicted, and the shard restarted in between.
    pub disturbed: bool,
}

impl Plan {
    /// Log time shortly before, long before or years after the events.
    pub fn any(rng: &mut Rng, newest_ms: i64) -> Plan {
        Plan {
            log_start_ms: newest_ms + [-20_000, 100_000, 40_000_000_000][rng.usize(..3)],
            again: [0.0, 0.3][rng.usize(..2)],
            disturbed: rng.bool(),
        }
    }

    /// Shuffles, repeats, cuts into batches and applies. Returns the result of each entry.
    pub fn run(&self, rng: &mut Rng, settings: Settings, events: &[NaiveEvent]) -> CoreRig {
        let mut deliveries: Vec<Delivery> = events
            .iter()
            .map(|event| Delivery::Event(core_event(event)))
            .collect();
        for delivery in deliveries.clone() {
            if rng.f64() < self.again {
                deliveries.push(delivery);
            }
        }
        rng.shuffle(&mut deliveries);
        let mut rig = CoreRig::new(settings);
        self.apply(rng, &mut rig, &deliveries, |_, _| {});
        rig
    }

    /// Applies deliveries in this order, in batches of any size.
    pub fn apply(
        &self,
        rng: &mut Rng,
        rig: &mut CoreRig,
        deliveries: &[Delivery],
        mut after_entry: impl FnMut(&CoreRig, &Applied),
    ) {
        let mut log_time_ms = self.log_start_ms.max(rig.shard.log_time_ms());
        let mut left = deliveries;
        while !left.is_empty() {
            let largest = left.len().min([1, 3, 12][rng.usize(..3)]);
            let (batch, rest) = left.split_at(rng.usize(1..=largest));
            left = rest;
            log_time_ms += [0, 1, 900, 7_000, 31_000][rng.usize(..5)];
            let applied = rig.apply(log_time_ms, batch);
            after_entry(rig, &applied);
            if rng.f64() < 0.2 {
                log_time_ms += rng.i64(0..40_000);
                let applied = rig.tick(log_time_ms);
                after_entry(rig, &applied);
            }
            if self.disturbed && rng.f64() < 0.4 {
                disturb(rng, rig);
            }
        }
    }
}

fn disturb(rng: &mut Rng, rig: &mut CoreRig) {
    match rng.usize(..4) {
        0 => rig.restart(),
        1 => rig.passivate(USERS[rng.usize(..USERS.len())]),
        _ => rig.checkpoint(),
    }
}

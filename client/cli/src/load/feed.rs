//! One source: generates its events when they are due, and publishes them on a stream of its own.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use homeroom_proto::v1;
use tokio_util::sync::CancellationToken;

use super::{
    generator::Generator,
    ledger::{Ledger, Overdue},
    pending_probes::Probe,
    precise_timer::PreciseTimer,
    probe_sampler::ProbeSampler,
    schedule::Schedule,
    tracked_publisher::TrackedPublisher,
};

/// One source: generates its events when they are due, and publishes them on a stream of its own.
pub(super) struct Feed {
    pub(super) generator: Generator,
    pub(super) publisher: TrackedPublisher,
    pub(super) ledger: Arc<Ledger>,
    /// When batches are due; none at the greatest rate, where a batch is due once the window has
    /// room.
    pub(super) schedule: Option<Schedule>,
    /// Events in a batch.
    pub(super) batch: u32,
    /// The length of the phase: nothing is due after it.
    pub(super) until: Duration,
    /// When the phase began, ms since the epoch.
    pub(super) start_ms: i64,
    pub(super) probes: Option<Arc<ProbeSampler>>,
}

impl Feed {
    /// Publishes until `stop`, then waits for all outcomes. A failed publisher stops the whole
    /// phase: the other sources alone are not the load that was asked for.
    pub(super) async fn run(mut self, stop: CancellationToken) -> io::Result<()> {
        let mut timer = PreciseTimer::new()?;
        loop {
            let due = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                due = self.turn(&mut timer) => due?,
            };
            if !self.publish(due).await {
                break;
            }
        }
        self.count_overdue();
        if let Err(error) = self.publisher.finish().await {
            self.ledger.error(error);
            stop.cancel();
        }
        Ok(())
    }

    /// Waits until the next batch is due and the window has room; returns when it was due, since
    /// the start. Cancel safe: a turn is taken or not.
    async fn turn(&mut self, timer: &mut PreciseTimer) -> io::Result<Duration> {
        let Some(schedule) = &mut self.schedule else {
            self.publisher.room().await;
            return Ok(self.ledger.started().elapsed());
        };
        let due = schedule.due();
        if due >= self.until {
            return std::future::pending().await;
        }
        timer.until(self.ledger.started() + due).await?;
        self.publisher.room().await;
        schedule.advance();
        Ok(due)
    }

    async fn publish(&mut self, due: Duration) -> bool {
        let at_ms = self.start_ms + due.as_millis() as i64;
        let due_at = self.ledger.started() + due;
        let number = self.probes.as_ref().and_then(|probes| probes.take(due));
        let regular = self.batch as usize - usize::from(number.is_some());
        let mut events = self.generator.batch(regular, at_ms);
        if let (Some(number), Some(probes)) = (number, &self.probes) {
            let event = self.generator.newest_interaction(at_ms);
            probes
                .watch(watched_for(number, &event, at_ms, due_at))
                .await;
            events.push(event);
            // Not always last, so that a probe is measured like any other event of the batch.
            let last = events.len() - 1;
            events.swap(last, number as usize % (last + 1));
        }
        self.publisher.send(events, due_at, number).await
    }

    fn count_overdue(&self) {
        let passed = self.ledger.started().elapsed();
        let Some(schedule) = &self.schedule else {
            return;
        };
        let probes = self.probes.as_ref();
        let of_each = probes.map_or(0.0, |probes| probes.of_each(schedule.batches_per_second()));
        // Probes are whole numbers: the fraction of one step is added to the next.
        let mut owed = 0.0;
        let missed = schedule.rest(self.until.min(passed));
        self.ledger.overdue(missed.map(|(due, batches)| {
            owed = f64::fract(owed) + batches as f64 * of_each;
            Overdue {
                events: batches * u64::from(self.batch),
                probes: owed as u64,
                late: passed.saturating_sub(due),
            }
        }));
    }
}

fn watched_for(number: u64, event: &v1::Event, at_ms: i64, due: Instant) -> Probe {
    Probe {
        number,
        user_id: event.user_id.clone(),
        event_id: event.event_id.clone(),
        at_ms,
        due,
    }
}

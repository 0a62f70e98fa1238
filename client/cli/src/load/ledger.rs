//! The counts and measurements of a phase.

use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use homeroom_proto::{short_name, v1};

use super::latencies::{Latencies, Quantiles};
use homeroom_client::{Acknowledgement, Tally};

/// Tolerance at the end of a phase: the last batches are still in flight then.
const SLACK: Duration = Duration::from_millis(100);
/// Error messages that are kept. All errors are counted.
const MESSAGES_MAX: usize = 8;

/// The counts and measurements of a phase, shared by all its tasks.
#[derive(Debug)]
pub(super) struct Ledger {
    started: Instant,
    measurements: Mutex<Measurements>,
}

/// The content of a ledger.
#[derive(Clone, Debug, Default)]
pub(super) struct Measurements {
    /// Events sent.
    pub(super) sent: u64,
    /// The outcomes of acknowledged events.
    pub(super) tally: Tally,
    /// Batches sent again, each time.
    pub(super) retries: u64,
    /// From due to outcome. Here and below, events that never complete count with the time until
    /// they were given up: the true time is at least that.
    pub(super) ack: Latencies,
    /// From when an event was due to the answer of a query that shows it.
    pub(super) insight: Latencies,
    /// From when a query was due to its answer.
    pub(super) read: Latencies,
    /// How late events were sent.
    pub(super) late: Latencies,
    /// Events that were due and not sent when the phase ended.
    pub(super) overdue: u64,
    /// Queries that were due and not sent when the phase ended.
    pub(super) reads_overdue: u64,
    /// Events acknowledged in each second of the phase.
    pub(super) per_second: Vec<u64>,
    /// When the last acknowledgement came, since the start of the phase.
    pub(super) last_ack: Duration,
    pub(super) errors: u64,
    pub(super) error_messages: Vec<String>,
    recent_ack: Latencies,
    recent_insight: Latencies,
}

/// Batches that are due and will not be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Overdue {
    pub(super) events: u64,
    /// How many of the events would have carried a probe.
    pub(super) probes: u64,
    /// How long they have been due.
    pub(super) late: Duration,
}

/// Why a rate was not held: the first reason that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotHeld {
    /// This many events were sent and have no outcome.
    WithoutOutcome(u64),
    /// This many events were due and not sent.
    NotSent(u64),
    /// The last outcome came this long after the end.
    AfterEnd(Duration),
}

/// The changes since the last call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recent {
    /// Events acknowledged since the start of the phase.
    pub(super) acknowledged: u64,
    /// Since the start of the phase.
    pub(super) errors: u64,
    pub(super) ack: Quantiles,
    pub(super) insight: Quantiles,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            measurements: Mutex::default(),
        }
    }

    /// When the phase began.
    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// Counts events that were due at `due` and are sent now.
    pub(super) fn sent(&self, events: u64, due: Instant) {
        let late = due.elapsed();
        let mut measurements = self.measurements();
        measurements.sent += events;
        measurements.late.record(late, events);
    }

    /// Counts a batch that was due at `due` and is not sent again: events without an outcome are
    /// given up.
    pub(super) fn acknowledged(&self, acknowledgement: &Acknowledgement, due: Instant) {
        let now = Instant::now();
        let outcomes = &acknowledgement.outcomes;
        let without = without_outcome(acknowledgement);
        let events = outcomes.len() as u64 - without;
        let mut measurements = self.measurements();
        measurements.tally.add(outcomes);
        measurements.retries += u64::from(acknowledgement.attempts.saturating_sub(1));
        let latency = now.saturating_duration_since(due);
        measurements.ack.record(latency, events + without);
        measurements.recent_ack.record(latency, events);
        if events == 0 && without > 0 {
            return;
        }
        measurements.last_ack = now.saturating_duration_since(self.started);
        let second = measurements.last_ack.as_secs() as usize;
        if measurements.per_second.len() <= second {
            measurements.per_second.resize(second + 1, 0);
        }
        measurements.per_second[second] += events;
        for refused in outcomes
            .iter()
            .filter(|outcome| outcome.status() == v1::EventStatus::DeadLettered)
        {
            measurements.error(|| {
                let reason = refused.reason().as_str_name();
                let reason = short_name(reason, "DEAD_LETTER_REASON_").to_ascii_lowercase();
                format!("an event was refused as {reason}: {}", refused.detail)
            });
        }
    }

    /// Records the time from due until a query showed the event, or until it was given up.
    pub(super) fn shown(&self, latency: Duration) {
        let mut measurements = self.measurements();
        measurements.insight.record(latency, 1);
        measurements.recent_insight.record(latency, 1);
    }

    /// Records the time from due until a query was answered, or failed.
    pub(super) fn read(&self, latency: Duration) {
        self.measurements().read.record(latency, 1);
    }

    /// Counts events that were sent and will get no outcome.
    pub(super) fn given_up(&self, events: u64, due: Instant) {
        self.measurements().ack.record(due.elapsed(), events);
    }

    /// Counts batches that will not be sent.
    pub(super) fn overdue(&self, batches: impl IntoIterator<Item = Overdue>) {
        let mut measurements = self.measurements();
        for overdue in batches {
            let Overdue {
                events,
                probes,
                late,
            } = overdue;
            measurements.overdue += events;
            measurements.late.record(late, events);
            measurements.ack.record(late, events);
            measurements.insight.record(late, probes);
        }
    }

    /// Counts queries that will not be sent, with the time that they have been due.
    pub(super) fn reads_overdue(&self, queries: impl IntoIterator<Item = (u64, Duration)>) {
        let mut measurements = self.measurements();
        for (queries, late) in queries {
            measurements.reads_overdue += queries;
            measurements.read.record(late, queries);
        }
    }

    pub(super) fn error(&self, message: impl std::fmt::Display) {
        self.measurements().error(|| message.to_string());
    }

    /// The changes since the last call; resets them.
    pub(super) fn look(&self) -> Recent {
        let mut measurements = self.measurements();
        let (ack, insight) = (
            measurements.recent_ack.quantiles(),
            measurements.recent_insight.quantiles(),
        );
        measurements.recent_ack.clear();
        measurements.recent_insight.clear();
        Recent {
            acknowledged: measurements.tally.received(),
            errors: measurements.errors,
            ack,
            insight,
        }
    }

    /// A copy of the measurements so far.
    pub(super) fn close(&self) -> Measurements {
        self.measurements().clone()
    }

    fn measurements(&self) -> MutexGuard<'_, Measurements> {
        self.measurements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Events of a batch that have no outcome.
pub(super) fn without_outcome(acknowledgement: &Acknowledgement) -> u64 {
    let outcomes = acknowledgement.outcomes.iter();
    let without = outcomes.filter(|outcome| outcome.status() == v1::EventStatus::Retry);
    without.count() as u64
}

impl Measurements {
    fn error(&mut self, message: impl FnOnce() -> String) {
        self.errors += 1;
        if self.error_messages.len() < MESSAGES_MAX {
            let message = message();
            if !self.error_messages.contains(&message) {
                self.error_messages.push(message);
            }
        }
    }

    /// Whether anything was due.
    pub(super) fn is_measured(&self) -> bool {
        self.sent + self.overdue > 0
    }

    /// Why a node did not keep up with `rate`, in events a second, over the length of the phase;
    /// none when it did. A hundredth of the time and [`SLACK`] are tolerated, both for events that
    /// were due and not sent, and for the last outcome after the end.
    pub(super) fn not_held(&self, rate: NonZeroU32, lasted: Duration) -> Option<NotHeld> {
        let slack = lasted / 100 + SLACK;
        let tolerated = slack.as_secs_f64() * f64::from(rate.get());
        let without_outcome = self.sent.saturating_sub(self.acknowledged());
        let after_end = self.last_ack.saturating_sub(lasted);
        if without_outcome > 0 {
            Some(NotHeld::WithoutOutcome(without_outcome))
        } else if self.overdue as f64 > tolerated {
            Some(NotHeld::NotSent(self.overdue))
        } else if after_end > slack {
            Some(NotHeld::AfterEnd(after_end))
        } else {
            None
        }
    }

    /// Events with an outcome.
    pub(super) fn acknowledged(&self) -> u64 {
        self.tally.received()
    }
}

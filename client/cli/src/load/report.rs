//! The report of a load.

use std::time::Duration;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::{
    Baselines, LoadOptions, NotHeld, Quantiles, Rate, latencies::rounded, ledger::Measurements,
};

/// The report of a load. Its JSON is one object, whose names are part of the command line's
/// contract.
#[derive(Clone, Debug)]
pub struct Report {
    /// How fast batches were due.
    pub rate: Rate,
    /// Active learners.
    pub learners: u32,
    /// All learners.
    pub seen: u32,
    /// Events in a batch.
    pub batch: u32,
    /// Events in flight at [`Rate::Max`], all sources together.
    pub window_events: u32,
    /// Queries a second.
    pub reads_per_second: u32,
    /// Probes a second.
    pub probes_per_second: u32,
    /// The seed of the events.
    pub seed: u64,
    /// None when it was skipped.
    pub arrival: Option<ArrivalReport>,
    /// Length of the measured phase up to its last acknowledgement, in seconds.
    pub seconds: f64,
    /// Whether the measured phase was stopped early.
    pub interrupted: bool,
    /// Whether the node kept up; if not, the figures are not of this rate. Three things must hold,
    /// with a tolerance of 1 % of the phase plus 100 ms: all events that were due were sent; all
    /// events sent have their outcomes; the last outcome came in time after the end, planned or
    /// early. None at [`Rate::Max`], and when nothing was measured.
    pub rate_held: Option<bool>,
    /// Why the rate was not held. Not in the JSON, where the counts show it.
    pub not_held: Option<NotHeld>,
    /// Events sent in the measured phase; so are all counts below.
    pub sent: u64,
    /// Those with an outcome: accepted + duplicate + shadowed + dead-lettered.
    pub acknowledged: u64,
    /// Counted for the first time.
    pub accepted: u64,
    /// Counted before.
    pub duplicate: u64,
    /// Events of a type for which another source is authoritative.
    pub shadowed: u64,
    /// Refused.
    pub dead_lettered: u64,
    /// Of those without an outcome: may or may not be stored. The others are not.
    pub unknown: u64,
    /// Batches sent again, each time.
    pub retries: u64,
    /// Events that were due and not sent when time was up.
    pub overdue: u64,
    /// Queries that were due and not sent when time was up.
    pub reads_overdue: u64,
    /// Acknowledged events a second.
    pub events_per_second: f64,
    /// Events acknowledged in each second of the phase, and after its end.
    pub per_second: Vec<u64>,
    /// From due to outcome. Here and below, events that never complete count with the time until
    /// they were given up: the true time is at least that.
    pub ack: Quantiles,
    /// From when an event was due to the answer of a query that shows it.
    pub insight: Quantiles,
    /// From when a query was due to its answer.
    pub read: Quantiles,
    /// How late events were sent; without samples when there is no schedule.
    pub late: Quantiles,
    /// Failed calls, refused events, and events that no query showed, in both phases.
    pub errors: u64,
    /// The first few error messages.
    pub error_messages: Vec<String>,
    /// None when they were not asked for, or the load was stopped early.
    pub baselines: Option<Baselines>,
}

/// The figures of the arrival phase.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArrivalReport {
    /// Events with an outcome.
    pub events: u64,
    /// Events sent.
    pub sent: u64,
    /// Counted for the first time.
    pub accepted: u64,
    /// Counted before.
    pub duplicate: u64,
    /// Refused.
    pub dead_lettered: u64,
    /// Of those without an outcome: may or may not be stored.
    pub unknown: u64,
    /// Batches sent again, each time.
    pub retries: u64,
    /// Until the last acknowledgement.
    pub seconds: f64,
    /// Events with an outcome a second.
    pub events_per_second: f64,
}

impl Report {
    /// The report of a measured phase that lasted for `lasted`.
    pub(super) fn new(
        options: &LoadOptions,
        (arrival, measured): (Option<&Measurements>, &Measurements),
        lasted: Duration,
    ) -> Self {
        let seconds = lasted.max(measured.last_ack).as_secs_f64();
        let acknowledged = measured.acknowledged();
        let (late, not_held) = match options.rate {
            Rate::Max => (Quantiles::default(), None),
            Rate::PerSecond(rate) => (measured.late.quantiles(), measured.not_held(rate, lasted)),
        };
        let has_rate = options.rate != Rate::Max && measured.is_measured();
        let measurements = || arrival.into_iter().chain([measured]);
        let messages = measurements().flat_map(|measurements| measurements.error_messages.clone());
        Self {
            rate: options.rate,
            learners: options.learners,
            seen: options.seen.max(options.learners),
            batch: options.batch,
            window_events: options.window_events,
            reads_per_second: options.reads_per_second,
            probes_per_second: options.probes_per_second,
            seed: options.seed,
            arrival: arrival.map(ArrivalReport::new),
            seconds: rounded(seconds),
            interrupted: lasted < options.measured_for,
            rate_held: has_rate.then_some(not_held.is_none()),
            not_held,
            sent: measured.sent,
            acknowledged,
            accepted: measured.tally.accepted,
            duplicate: measured.tally.duplicate,
            shadowed: measured.tally.shadowed,
            dead_lettered: measured.tally.dead_lettered(),
            unknown: measured.tally.unknown,
            retries: measured.retries,
            overdue: measured.overdue,
            reads_overdue: measured.reads_overdue,
            events_per_second: rounded(acknowledged as f64 / seconds.max(1e-9)),
            per_second: measured.per_second.clone(),
            ack: measured.ack.quantiles(),
            insight: measured.insight.quantiles(),
            read: measured.read.quantiles(),
            late,
            errors: measurements().map(|measurements| measurements.errors).sum(),
            error_messages: messages.collect(),
            baselines: None,
        }
    }

    /// Counts a failure after all phases.
    pub(super) fn fail(&mut self, message: String) {
        self.errors += 1;
        self.error_messages.push(message);
    }

    /// Events without an outcome, in both phases.
    pub fn unacknowledged(&self) -> u64 {
        let arrival = self
            .arrival
            .map_or(0, |arrival| arrival.sent - arrival.events);
        arrival + self.sent - self.acknowledged
    }

    /// Those of them that may or may not be stored.
    pub fn in_doubt(&self) -> u64 {
        self.arrival.map_or(0, |arrival| arrival.unknown) + self.unknown
    }
}

impl ArrivalReport {
    fn new(measurements: &Measurements) -> Self {
        let seconds = measurements.last_ack.as_secs_f64();
        let events = measurements.acknowledged();
        Self {
            events,
            sent: measurements.sent,
            accepted: measurements.tally.accepted,
            duplicate: measurements.tally.duplicate,
            dead_lettered: measurements.tally.dead_lettered(),
            unknown: measurements.tally.unknown,
            retries: measurements.retries,
            seconds: rounded(seconds),
            events_per_second: rounded(events as f64 / seconds.max(1e-9)),
        }
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        match self.rate {
            Rate::Max => map.serialize_entry("rate", "max")?,
            Rate::PerSecond(rate) => map.serialize_entry("rate", &rate)?,
        }
        map.serialize_entry("learners", &self.learners)?;
        map.serialize_entry("seen", &self.seen)?;
        map.serialize_entry("batch", &self.batch)?;
        map.serialize_entry("windowEvents", &self.window_events)?;
        map.serialize_entry("readsPerSecond", &self.reads_per_second)?;
        map.serialize_entry("probesPerSecond", &self.probes_per_second)?;
        map.serialize_entry("seed", &self.seed)?;
        map.serialize_entry("version", env!("CARGO_PKG_VERSION"))?;
        map.serialize_entry("arrival", &self.arrival)?;
        map.serialize_entry("seconds", &self.seconds)?;
        map.serialize_entry("interrupted", &self.interrupted)?;
        map.serialize_entry("rateHeld", &self.rate_held)?;
        map.serialize_entry("eventsPerSecond", &self.events_per_second)?;
        let latencies = [
            ("ack", self.ack),
            ("insight", self.insight),
            ("read", self.read),
        ];
        for (name, quantiles) in latencies {
            serialize_quantiles(&mut map, name, &quantiles)?;
        }
        map.serialize_entry("lateP99Ms", &self.late.p99_ms)?;
        map.serialize_entry("lateMaxMs", &self.late.max_ms)?;
        let counts = [
            ("sent", self.sent),
            ("acknowledged", self.acknowledged),
            ("accepted", self.accepted),
            ("duplicate", self.duplicate),
            ("shadowed", self.shadowed),
            ("deadLettered", self.dead_lettered),
            ("unknown", self.unknown),
            ("retries", self.retries),
            ("overdue", self.overdue),
            ("readsOverdue", self.reads_overdue),
            ("errors", self.errors),
        ];
        for (name, count) in counts {
            map.serialize_entry(name, &count)?;
        }
        map.serialize_entry("errorMessages", &self.error_messages)?;
        map.serialize_entry("perSecond", &self.per_second)?;
        map.serialize_entry("baselines", &self.baselines)?;
        map.end()
    }
}

fn serialize_quantiles<M: SerializeMap>(
    map: &mut M,
    name: &str,
    quantiles: &Quantiles,
) -> Result<(), M::Error> {
    let times = [
        ("P50Ms", quantiles.p50_ms),
        ("P90Ms", quantiles.p90_ms),
        ("P99Ms", quantiles.p99_ms),
        ("P999Ms", quantiles.p999_ms),
        ("MaxMs", quantiles.max_ms),
    ];
    for (which, ms) in times {
        map.serialize_entry(&format!("{name}{which}"), &ms)?;
    }
    map.serialize_entry(&format!("{name}Samples"), &quantiles.samples)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Instant;

    use homeroom_proto::v1::{DeadLetterReason, EventOutcome, EventStatus};

    use super::*;
    use crate::load::ledger::{Ledger, Overdue};
    use homeroom_client::{Acknowledgement, ClientOptions};

    fn options(rate: Rate) -> LoadOptions {
        LoadOptions {
            endpoints: Vec::new(),
            client: ClientOptions::default(),
            rate,
            learners: 10,
            seen: 20,
            courses: 1,
            measured_for: Duration::from_secs(2),
            batch: 2,
            window_events: 10,
            reads_per_second: 0,
            probes_per_second: 0,
            seed: 7,
            cold: true,
            give_up_after: Duration::from_secs(1),
            baselines: None,
        }
    }

    /// Four batches of two events: one taken at the second attempt, one half refused, one half in
    /// doubt, one that was not taken over.
    fn measured() -> Measurements {
        let ledger = Ledger::new();
        let due = Instant::now();
        let outcome = |status: EventStatus| EventOutcome {
            status: status.into(),
            ..EventOutcome::default()
        };
        let refused = EventOutcome {
            reason: DeadLetterReason::BadTimestamp.into(),
            detail: "too odd".into(),
            ..outcome(EventStatus::DeadLettered)
        };
        let in_doubt = EventOutcome {
            unknown: true,
            ..outcome(EventStatus::Retry)
        };
        for _ in 0..4 {
            ledger.sent(2, due);
        }
        let accepted = outcome(EventStatus::Accepted);
        for (outcomes, attempts) in [
            (vec![accepted.clone(), outcome(EventStatus::Duplicate)], 2),
            (vec![accepted, refused], 1),
            (vec![outcome(EventStatus::Retry), in_doubt], 1),
        ] {
            let acknowledgement = Acknowledgement {
                ticket: 0,
                outcomes,
                attempts,
            };
            ledger.acknowledged(&acknowledgement, due);
        }
        ledger.given_up(2, due);
        ledger.shown(Duration::from_millis(3));
        ledger.overdue([Overdue {
            events: 10,
            probes: 1,
            late: Duration::from_millis(5),
        }]);
        ledger.reads_overdue([(1, Duration::from_millis(5))]);
        ledger.close()
    }

    #[test]
    fn everything_is_accounted_for() {
        let rate = Rate::PerSecond(NonZeroU32::new(100).expect("above 0"));
        let lasted = Duration::from_secs(1);
        let report = Report::new(&options(rate), (None, &measured()), lasted);
        assert_eq!((report.sent, report.acknowledged), (8, 4));
        assert_eq!((report.unacknowledged(), report.in_doubt()), (4, 1));
        let outcomes = (report.accepted, report.duplicate, report.dead_lettered);
        assert_eq!(outcomes, (2, 1, 1));
        assert_eq!((report.retries, report.overdue, report.errors), (1, 10, 1));
        let message = "an event was refused as bad_timestamp: too odd";
        assert_eq!(report.error_messages, [message]);
        assert_eq!(report.per_second, [4]);
        assert!(report.interrupted && report.seconds == 1.0);
        assert_eq!(report.events_per_second, 4.0);
        let samples = [&report.ack, &report.insight, &report.read].map(|it| it.samples);
        assert_eq!(
            samples,
            [4 + 2 + 2 + 10, 1 + 1, 1],
            "what came to no end, too"
        );
        for figure in [report.ack.p90_ms, report.read.max_ms, report.late.p50_ms] {
            assert!(figure.is_some_and(|ms| ms >= 5.0), "{figure:?}");
        }
        assert_eq!(report.rate_held, Some(false));
    }

    #[test]
    fn a_rate_is_held_when_all_outcomes_come_soon_after_the_end() {
        let rate = NonZeroU32::new(100).expect("above 0");
        let second = Duration::from_secs(1);
        let measurements = |overdue, sent, last_ack| {
            let mut measurements = measured();
            (
                measurements.overdue,
                measurements.sent,
                measurements.last_ack,
            ) = (overdue, sent, last_ack);
            measurements
        };
        let soon = second + Duration::from_millis(110);
        let late = soon + Duration::from_millis(1);
        // Four events have their outcomes.
        for (measurements, why) in [
            (measurements(11, 4, soon), None),
            (measurements(12, 4, soon), Some(NotHeld::NotSent(12))),
            (measurements(12, 5, soon), Some(NotHeld::WithoutOutcome(1))),
            (
                measurements(0, 4, late),
                Some(NotHeld::AfterEnd(late - second)),
            ),
        ] {
            assert_eq!(measurements.not_held(rate, second), why);
            let options = options(Rate::PerSecond(rate));
            let report = Report::new(&options, (None, &measurements), second);
            let found = (report.rate_held, report.not_held);
            assert_eq!(found, (Some(why.is_none()), why));
        }
    }

    #[test]
    fn a_load_that_ended_before_anything_was_measured_has_no_figures_of_it() {
        let rate = Rate::PerSecond(NonZeroU32::new(100).expect("above 0"));
        let nothing = Ledger::new().close();
        let measurements = (Some(&measured()), &nothing);
        let report = Report::new(&options(rate), measurements, Duration::ZERO);
        assert!(report.interrupted);
        assert_eq!((report.rate_held, report.not_held), (None, None));
        for times in [report.ack, report.insight, report.read, report.late] {
            assert_eq!(times, Quantiles::default());
        }
        let counts = (report.sent, report.overdue, report.reads_overdue);
        assert_eq!(counts, (0, 0, 0));
        assert_eq!(report.arrival.map(|arrival| arrival.events), Some(4));
        assert_eq!(report.unacknowledged(), 4, "of those that came in");
    }

    #[test]
    fn a_baseline_that_failed_leaves_the_figures_of_the_node() {
        let lasted = Duration::from_secs(2);
        let mut report = Report::new(&options(Rate::Max), (None, &measured()), lasted);
        let (errors, acknowledged) = (report.errors, report.acknowledged);
        report.fail("the disk is full".to_owned());
        assert_eq!(report.errors, errors + 1);
        let document = serde_json::to_value(&report).expect("a document");
        assert_eq!(document["baselines"], serde_json::Value::Null);
        assert_eq!(document["acknowledged"], acknowledged);
        let messages = document["errorMessages"].to_string();
        assert!(messages.contains("the disk is full"), "{messages}");
    }

    #[test]
    fn the_document_has_its_names_and_says_null_where_nothing_was_measured() {
        let lasted = Duration::from_secs(2);
        let report = Report::new(&options(Rate::Max), (None, &measured()), lasted);
        let document = serde_json::to_value(&report).expect("a document");
        for name in [
            "ackP50Ms",
            "ackP90Ms",
            "ackP999Ms",
            "insightP50Ms",
            "insightP99Ms",
            "eventsPerSecond",
        ] {
            assert!(document[name].is_number(), "{name}: {document}");
        }
        for name in ["lateP99Ms", "lateMaxMs", "rateHeld"] {
            let value = document.get(name);
            assert!(value.is_some_and(serde_json::Value::is_null), "{name}");
        }
        assert_eq!(document["rate"], "max");
        assert_eq!(document["readSamples"], 1);
        assert_eq!(document["interrupted"], false);
    }
}

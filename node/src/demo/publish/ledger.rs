//! The figures of the lesson: outcomes, latencies, and the delay of the class.

use std::time::Duration;

use hdrhistogram::Histogram;
use homeroom_client::Tally;
use homeroom_proto::v1::EventOutcome;
use parking_lot::Mutex;

/// The longest latency, µs. Longer ones count as this.
const LATENCY_MAX_US: u64 = 60_000_000;
/// Significant digits of latencies.
const FIGURES: u8 = 3;

/// The figures of the lesson, shared by publishers and screen.
#[derive(Debug)]
pub struct Ledger {
    figures: Mutex<Figures>,
}

#[derive(Debug)]
struct Figures {
    tally: Tally,
    insight_us: Histogram<u64>,
    age_us: Histogram<u64>,
    behind_ms: u64,
}

/// The figures at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// By outcome.
    pub tally: Tally,
    /// From sending an event to the answer of a query that shows it; none before the first live
    /// event.
    pub insight: Option<Latency>,
    /// From an event's own time to the same answer, ms, median.
    pub age_p50_ms: Option<f64>,
    /// How long after its due time the last batch was sent, ms.
    pub behind_ms: u64,
}

/// Quantiles of a latency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// The number of measurements.
    pub count: u64,
}

impl Ledger {
    /// An empty ledger.
    ///
    /// # Errors
    /// When the histogram refuses its bounds.
    pub fn new() -> Result<Self, hdrhistogram::CreationError> {
        let histogram = || Histogram::new_with_bounds(1, LATENCY_MAX_US, FIGURES);
        let figures = Figures {
            tally: Tally::default(),
            insight_us: histogram()?,
            age_us: histogram()?,
            behind_ms: 0,
        };
        Ok(Self {
            figures: Mutex::new(figures),
        })
    }

    /// Counts the final outcomes of a batch.
    pub fn count(&self, outcomes: &[EventOutcome]) {
        self.figures.lock().tally.add(outcomes);
    }

    /// Records an event that a query has shown: the time since it was sent, and since it happened.
    pub fn shown(&self, after: Duration, age: Duration) {
        let mut figures = self.figures.lock();
        figures.insight_us.saturating_record(micros(after));
        figures.age_us.saturating_record(micros(age));
    }

    /// Records how long after its due time a batch is sent, ms.
    pub fn behind(&self, behind_ms: u64) {
        self.figures.lock().behind_ms = behind_ms;
    }

    /// The figures at this moment.
    pub fn snapshot(&self) -> Snapshot {
        let figures = self.figures.lock();
        let quantile = |histogram: &Histogram<u64>, quantile| {
            histogram.value_at_quantile(quantile) as f64 / 1_000.0
        };
        let insight = (!figures.insight_us.is_empty()).then(|| Latency {
            p50_ms: quantile(&figures.insight_us, 0.5),
            p99_ms: quantile(&figures.insight_us, 0.99),
            count: figures.insight_us.len(),
        });
        Snapshot {
            tally: figures.tally.clone(),
            insight,
            age_p50_ms: insight.map(|_| quantile(&figures.age_us, 0.5)),
            behind_ms: figures.behind_ms,
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_told_once_there_are_some() {
        let ledger = Ledger::new().expect("bounds");
        assert_eq!(ledger.snapshot(), Snapshot::default());
        for ms in 1..=100 {
            ledger.shown(Duration::from_millis(ms), Duration::from_secs(1));
        }
        let insight = ledger.snapshot().insight.expect("measured");
        assert_eq!(insight.count, 100);
        assert!((insight.p50_ms - 50.0).abs() < 0.1, "{insight:?}");
        assert!((insight.p99_ms - 99.0).abs() < 0.2, "{insight:?}");
        ledger.shown(Duration::from_secs(3_600), Duration::ZERO);
        assert_eq!(
            ledger.snapshot().insight.map(|latency| latency.count),
            Some(101)
        );
    }
}

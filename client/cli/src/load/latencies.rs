//! A histogram of times.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Three digits: resolves 1.001 ms from 1 ms.
const SIGNIFICANT_DIGITS: u8 = 3;
/// The longest time, ten minutes in µs. Longer ones count as this.
const LONGEST_US: u64 = 600_000_000;

/// A histogram of times, in µs, up to ten minutes.
#[derive(Clone, Debug)]
pub(super) struct Latencies(Option<Histogram<u64>>);

/// Some quantiles of times.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quantiles {
    /// The number of times; without any, all other fields are none.
    pub samples: u64,
    /// The median, in ms.
    pub p50_ms: Option<f64>,
    /// In ms.
    pub p90_ms: Option<f64>,
    /// In ms.
    pub p99_ms: Option<f64>,
    /// 99.9 % of the times are at most this, in ms.
    pub p999_ms: Option<f64>,
    /// The longest, in ms.
    pub max_ms: Option<f64>,
}

impl Default for Latencies {
    fn default() -> Self {
        // The bounds are valid constants, so this never fails.
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, SIGNIFICANT_DIGITS);
        Self(histogram.ok())
    }
}

impl Latencies {
    /// Records the time of `count` events.
    pub(super) fn record(&mut self, time: Duration, count: u64) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record_n(micros, count);
        }
    }

    pub(super) fn clear(&mut self) {
        if let Some(histogram) = &mut self.0 {
            histogram.reset();
        }
    }

    pub(super) fn quantiles(&self) -> Quantiles {
        let Some(histogram) = self.0.as_ref().filter(|histogram| !histogram.is_empty()) else {
            return Quantiles::default();
        };
        let ms = |micros: u64| Some(micros as f64 / 1_000.0);
        Quantiles {
            samples: histogram.len(),
            p50_ms: ms(histogram.value_at_quantile(0.5)),
            p90_ms: ms(histogram.value_at_quantile(0.9)),
            p99_ms: ms(histogram.value_at_quantile(0.99)),
            p999_ms: ms(histogram.value_at_quantile(0.999)),
            max_ms: ms(histogram.max()),
        }
    }
}

/// Rounded to three decimals.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_of_a_batch_weighs() {
        let mut latencies = Latencies::default();
        latencies.record(Duration::from_millis(2), 98);
        latencies.record(Duration::from_millis(50), 2);
        let quantiles = latencies.quantiles();
        assert_eq!(quantiles.samples, 100);
        let close = |ms: Option<f64>, to: f64| (ms.unwrap_or(0.0) / to - 1.0).abs() < 0.002;
        assert!(close(quantiles.p50_ms, 2.0) && close(quantiles.p90_ms, 2.0));
        assert!(close(quantiles.p99_ms, 50.0) && close(quantiles.max_ms, 50.0));
    }

    #[test]
    fn nothing_has_no_quantiles_and_what_takes_too_long_counts_as_the_longest() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantiles(), Quantiles::default());
        latencies.record(Duration::from_secs(100_000), 1);
        latencies.record(Duration::ZERO, 1);
        let quantiles = latencies.quantiles();
        assert_eq!(quantiles.samples, 2);
        assert!(quantiles.max_ms.is_some_and(|ms| ms >= 600_000.0));
        latencies.clear();
        assert_eq!(latencies.quantiles().samples, 0);
    }
}

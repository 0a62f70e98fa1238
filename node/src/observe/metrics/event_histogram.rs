//! A histogram for observations of every event. It counts each one in its bucket at once; the
//! recorder's own histograms keep all observations until the next upkeep.

use std::{
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Exact counts by bucket. A read may see an observation's count without its sum, as any scrape
/// may.
pub struct EventHistogram {
    name: &'static str,
    help: &'static str,
    /// Upper bounds of the buckets, ascending; the last bucket has no bound.
    bounds: &'static [f64],
    counts: Box<[AtomicU64]>,
    /// The bits of an `f64`.
    sum: AtomicU64,
}

/// Exceeds the number of buckets of every histogram.
const BUCKETS_MAX: usize = 32;

impl EventHistogram {
    pub(super) fn new(name: &'static str, help: &'static str, bounds: &'static [f64]) -> Self {
        assert!(bounds.len() < BUCKETS_MAX && bounds.is_sorted());
        Self {
            name,
            help,
            bounds,
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0.0_f64.to_bits()),
        }
    }

    /// Observes the same value `count` times.
    pub fn record_many(&self, value: f64, count: u64) {
        if count > 0 {
            self.counts[self.bucket(value)].fetch_add(count, Relaxed);
            self.add(value * count as f64);
        }
    }

    /// Observes several values, at little more than the cost of one.
    pub fn record_all(&self, values: impl Iterator<Item = f64>) {
        let mut counts = [0; BUCKETS_MAX];
        let mut sum = 0.0;
        for value in values {
            counts[self.bucket(value)] += 1;
            sum += value;
        }
        for (count, all) in counts.into_iter().zip(&self.counts) {
            if count > 0 {
                all.fetch_add(count, Relaxed);
            }
        }
        self.add(sum);
    }

    /// Appends the histogram in Prometheus' text format.
    pub(super) fn render(&self, to: &mut String) {
        let Self { name, help, .. } = self;
        let mut lines = format!("# HELP {name} {help}\n# TYPE {name} histogram\n");
        let mut count = 0;
        let bounds = self.bounds.iter().map(f64::to_string);
        for (bound, own) in bounds.chain(["+Inf".to_owned()]).zip(&self.counts) {
            count += own.load(Relaxed);
            // Writing into a string does not fail.
            let _ = writeln!(lines, "{name}_bucket{{le=\"{bound}\"}} {count}");
        }
        let sum = f64::from_bits(self.sum.load(Relaxed));
        let _ = writeln!(lines, "{name}_sum {sum}\n{name}_count {count}\n");
        to.push_str(&lines);
    }

    fn bucket(&self, value: f64) -> usize {
        self.bounds.partition_point(|bound| *bound < value)
    }

    fn add(&self, value: f64) {
        let added = |sum| Some((f64::from_bits(sum) + value).to_bits());
        // The closure always returns a value, so the update can't fail.
        let _ = self.sum.fetch_update(Relaxed, Relaxed, added);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observations_are_counted_in_their_buckets() {
        let histogram = EventHistogram::new("x_seconds", "A help", &[0.5, 1.0, 60.0]);
        histogram.record_all([0.25, 0.5, 0.75, 100.0].into_iter());
        histogram.record_all(std::iter::empty());
        histogram.record_many(1.0, 3);
        histogram.record_many(7.0, 0);
        let mut text = String::new();
        histogram.render(&mut text);
        let expected = "# HELP x_seconds A help\n# TYPE x_seconds histogram\n\
            x_seconds_bucket{le=\"0.5\"} 2\nx_seconds_bucket{le=\"1\"} 6\nx_seconds_bucket{le=\"60\"} 6\n\
            x_seconds_bucket{le=\"+Inf\"} 7\nx_seconds_sum 104.5\nx_seconds_count 7\n\n";
        assert_eq!(text, expected);
    }
}

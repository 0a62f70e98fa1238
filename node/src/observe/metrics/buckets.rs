//! Upper bounds of the histograms' buckets. They never change, because dashboards and alert rules
//! compare figures over time.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

/// Waiting times of requests, s.
const WAITS_S: &[f64] = &[
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0,
];
/// Reads in memory, s.
const READS_S: &[f64] = &[
    0.000_01, 0.000_025, 0.000_05, 0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
    0.05, 0.1, 0.5, 1.0,
];
/// Response times of a disk, s.
const FSYNCS_S: &[f64] = &[
    0.0001, 0.0002, 0.0003, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
];
/// Duration of checkpoints and bases, s.
const JOBS_S: &[f64] = &[
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
];
/// Age of an event when it is visible to queries, s. Up to a day, because sources deliver late.
const AGES_S: &[f64] = &[
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0,
    10_800.0, 21_600.0, 86_400.0,
];
/// Events in a log entry.
const EVENTS: &[f64] = &[
    1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 5_000.0, 10_000.0,
];

const BY_NAME: [(&str, &[f64]); 7] = [
    ("homeroom_event_age_seconds", AGES_S),
    ("homeroom_read_seconds", READS_S),
    ("homeroom_log_append_seconds", FSYNCS_S),
    ("homeroom_log_fsync_seconds", FSYNCS_S),
    ("homeroom_checkpoint_seconds", JOBS_S),
    ("homeroom_base_seconds", JOBS_S),
    ("homeroom_entry_events", EVENTS),
];

/// The bounds of a histogram; those of waiting times if it has none of its own.
pub(super) fn bounds_of(name: &str) -> &'static [f64] {
    BY_NAME
        .into_iter()
        .find_map(|(known, bounds)| (known == name).then_some(bounds))
        .unwrap_or(WAITS_S)
}

/// A recorder's builder with these buckets.
pub(super) fn builder() -> PrometheusBuilder {
    let all = PrometheusBuilder::new()
        .set_buckets(WAITS_S)
        .expect("there are buckets");
    BY_NAME.into_iter().fold(all, |builder, (name, bounds)| {
        let matcher = Matcher::Full(name.to_owned());
        builder
            .set_buckets_for_metric(matcher, bounds)
            .expect("there are buckets")
    })
}

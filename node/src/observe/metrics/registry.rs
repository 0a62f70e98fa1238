//! Registers metrics.

use std::sync::Arc;

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{PrometheusHandle, PrometheusRecorder};
use parking_lot::Mutex;

use super::{buckets, event_histogram::EventHistogram};

/// Creates handles, and renders their values.
pub(super) struct Registry {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    event_histograms: Mutex<Vec<Arc<EventHistogram>>>,
}

/// A label's name and value.
pub(super) type LabelPair<'a> = (&'static str, &'a str);

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

impl Registry {
    pub fn new() -> Self {
        let recorder = buckets::builder().build_recorder();
        Self {
            handle: recorder.handle(),
            recorder,
            event_histograms: Mutex::default(),
        }
    }

    pub fn render(&self) -> String {
        let mut text = self.handle.render();
        for histogram in self.event_histograms.lock().iter() {
            histogram.render(&mut text);
        }
        text
    }

    pub fn run_upkeep(&self) {
        self.handle.run_upkeep();
    }

    pub fn describe_counter(&self, name: &'static str, help: &'static str) {
        self.recorder
            .describe_counter(name.into(), None, help.into());
    }

    pub fn describe_gauge(&self, name: &'static str, help: &'static str) {
        self.recorder.describe_gauge(name.into(), None, help.into());
    }

    /// A counter of a described family.
    pub fn counter(&self, name: &'static str, labels: &[LabelPair<'_>]) -> Counter {
        self.recorder
            .register_counter(&key(name, labels), &METADATA)
    }

    /// A gauge of a described family.
    pub fn gauge(&self, name: &'static str, labels: &[LabelPair<'_>]) -> Gauge {
        self.recorder.register_gauge(&key(name, labels), &METADATA)
    }

    /// A described counter without labels.
    pub fn one_counter(&self, name: &'static str, help: &'static str) -> Counter {
        self.describe_counter(name, help);
        self.counter(name, &[])
    }

    /// A described gauge without labels.
    pub fn one_gauge(&self, name: &'static str, help: &'static str) -> Gauge {
        self.describe_gauge(name, help);
        self.gauge(name, &[])
    }

    /// A described histogram without labels.
    pub fn one_histogram(&self, name: &'static str, help: &'static str) -> Histogram {
        self.recorder
            .describe_histogram(name.into(), None, help.into());
        self.recorder.register_histogram(&key(name, &[]), &METADATA)
    }

    /// A described histogram without labels, for observations of every event.
    pub fn event_histogram(&self, name: &'static str, help: &'static str) -> Arc<EventHistogram> {
        let histogram = Arc::new(EventHistogram::new(name, help, buckets::bounds_of(name)));
        self.event_histograms.lock().push(Arc::clone(&histogram));
        histogram
    }

    /// A described family of counters, one for each value of a label.
    pub fn counters<const N: usize>(
        &self,
        name: &'static str,
        help: &'static str,
        label: &'static str,
        values: [&str; N],
    ) -> [Counter; N] {
        self.describe_counter(name, help);
        values.map(|value| self.counter(name, &[(label, value)]))
    }
}

fn key(name: &'static str, labels: &[LabelPair<'_>]) -> Key {
    let labels: Vec<Label> = labels
        .iter()
        .map(|(name, value)| Label::new(*name, (*value).to_owned()))
        .collect();
    Key::from_parts(name, labels)
}

//! Metrics of deliveries by source. Their number is bounded, because sources choose their own
//! names.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use homeroom_core::shard::Counters;
use metrics::{Counter, Gauge};
use parking_lot::Mutex;

use super::registry::Registry;

/// Maximum number of sources with series of their own; all others are summed as `other`.
pub(super) const SOURCES_MAX: usize = 256;
/// Sources with longer names are counted as `other`, bytes.
const NAME_BYTES_MAX: usize = 128;
const OTHER: &str = "other";

const EVENTS: &str = "homeroom_source_events_total";
const RECEIVED: &str = "homeroom_source_received_total";
const CONFLICTING: &str = "homeroom_source_conflicting_total";
const AMENDED: &str = "homeroom_source_amended_total";
const GAPS: &str = "homeroom_source_sequence_gaps";
/// Every delivery has exactly one of these outcomes.
const OUTCOMES: [&str; 4] = ["accepted", "duplicate", "shadowed", "dead_lettered"];

/// Deliveries by source.
pub struct SourceMetrics {
    registry: Arc<Registry>,
    shown: Mutex<HashMap<Box<str>, SourceHandles>>,
}

struct SourceHandles {
    received: Counter,
    outcomes: [Counter; OUTCOMES.len()],
    conflicting: Counter,
    amended: Counter,
    sequence_gaps: Gauge,
}

impl SourceMetrics {
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        for (name, help) in [
            (
                EVENTS,
                "Deliveries of events, by source and by what became of them",
            ),
            (RECEIVED, "Deliveries of events, by source"),
            (
                CONFLICTING,
                "Duplicates with other content than the first delivery, by source",
            ),
            (
                AMENDED,
                "Events that came after a window of theirs was settled, by source",
            ),
        ] {
            registry.describe_counter(name, help);
        }
        registry.describe_gauge(
            GAPS,
            "Numbers that a source gave to events which did not arrive or were refused",
        );
        let other = SourceHandles::new(&registry, OTHER);
        Self {
            shown: Mutex::new(HashMap::from([(OTHER.into(), other)])),
            registry,
        }
    }

    /// Shows what each source delivered since the cluster was founded, and how many of the sequence
    /// numbers that it gave to events are missing: lost on the way, or refused. The totals are
    /// replicated, so a new leader continues them.
    pub fn show<'n>(&self, all: impl IntoIterator<Item = (&'n str, (Counters, u64))>) {
        let mut shown = self.shown.lock();
        let mut by_name: BTreeMap<&str, (Counters, u64)> = BTreeMap::new();
        for (source, (counters, gaps)) in all {
            let has_room = shown.len() <= SOURCES_MAX && is_plain(source);
            let name = if shown.contains_key(source) {
                source
            } else if has_room {
                let handles = SourceHandles::new(&self.registry, source);
                shown.insert(source.into(), handles);
                source
            } else {
                OTHER
            };
            let (sum, gaps_sum) = by_name.entry(name).or_default();
            sum.merge(&counters);
            *gaps_sum += gaps;
        }
        for (name, (counters, gaps)) in by_name {
            if let Some(handles) = shown.get(name) {
                handles.show(&counters, gaps);
            }
        }
    }
}

impl SourceHandles {
    fn new(registry: &Registry, source: &str) -> Self {
        let of_source = |name| registry.counter(name, &[("source", source)]);
        let of_outcome =
            |outcome| registry.counter(EVENTS, &[("source", source), ("outcome", outcome)]);
        Self {
            received: of_source(RECEIVED),
            outcomes: OUTCOMES.map(of_outcome),
            conflicting: of_source(CONFLICTING),
            amended: of_source(AMENDED),
            sequence_gaps: registry.gauge(GAPS, &[("source", source)]),
        }
    }

    fn show(&self, counters: &Counters, gaps: u64) {
        self.received.absolute(counters.received);
        let outcomes = [
            counters.accepted,
            counters.duplicate,
            counters.shadowed,
            counters.dead_letters(),
        ];
        for (shown, count) in self.outcomes.iter().zip(outcomes) {
            shown.absolute(count);
        }
        self.conflicting.absolute(counters.conflicting);
        self.amended.absolute(counters.amended);
        self.sequence_gaps.set(gaps as f64);
    }
}

/// Escaping could make two names equal, and Prometheus refuses all metrics if a series occurs
/// twice.
fn is_plain(source: &str) -> bool {
    let needs_escape = |c: char| c.is_control() || c == '\\' || c == '"';
    source.len() <= NAME_BYTES_MAX && !source.contains(needs_escape)
}

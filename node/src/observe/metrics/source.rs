//! Deliveries by source: names come from outside, so they are bounded.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use metrics::{Counter, Gauge, Unit};
use parking_lot::Mutex;

use super::registry::Registry;

/// So many sources have counters of their own; what comes from further ones counts as `other`.
pub(super) const SOURCES_MAX: usize = 256;
/// A longer name counts as `other`, bytes.
const NAME_BYTES_MAX: usize = 128;
const OTHER: &str = "other";

const EVENTS: &str = "homeroom_source_events_total";
const RECEIVED: &str = "homeroom_source_received_total";
const CONFLICTING: &str = "homeroom_source_conflicting_total";
const AMENDED: &str = "homeroom_source_amended_total";
const GAPS: &str = "homeroom_source_sequence_gaps";
/// The outcomes that are told apart, in the order of [`SourceTotals::outcomes`].
const OUTCOMES: [&str; 4] = ["accepted", "duplicate", "shadowed", "dead_lettered"];

/// Deliveries by source.
pub struct SourceMetrics {
    registry: Arc<Registry>,
    shown: Mutex<HashMap<Box<str>, SourceHandles>>,
}

/// All that one source delivered since the cluster was founded. Every delivery has one of the four outcomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceTotals {
    /// All deliveries.
    pub received: u64,
    /// Accepted, duplicate, shadowed, dead-lettered.
    pub outcomes: [u64; 4],
    /// Of the duplicates: with other content.
    pub conflicting: u64,
    /// Of the accepted: after their window was settled.
    pub amended: u64,
    /// Numbers that it gave to events which are not here: lost on the way, or refused.
    pub sequence_gaps: u64,
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
            registry.describe_counter(name, Unit::Count, help);
        }
        registry.describe_gauge(
            GAPS,
            Unit::Count,
            "Numbers that a source gave to events which did not arrive or were refused",
        );
        let other = SourceHandles::new(&registry, OTHER);
        Self {
            shown: Mutex::new(HashMap::from([(OTHER.into(), other)])),
            registry,
        }
    }

    /// Shows what all sources delivered. The totals are replicated: they go on where they were, whoever leads.
    pub fn show<'n>(&self, all: impl IntoIterator<Item = (&'n str, SourceTotals)>) {
        let mut shown = self.shown.lock();
        let mut by_name: BTreeMap<&str, SourceTotals> = BTreeMap::new();
        for (source, totals) in all {
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
            by_name.entry(name).or_default().add(totals);
        }
        for (name, totals) in by_name {
            if let Some(handles) = shown.get(name) {
                handles.show(totals);
            }
        }
    }
}

impl SourceTotals {
    fn add(&mut self, other: Self) {
        self.received += other.received;
        for (sum, more) in self.outcomes.iter_mut().zip(other.outcomes) {
            *sum += more;
        }
        self.conflicting += other.conflicting;
        self.amended += other.amended;
        self.sequence_gaps += other.sequence_gaps;
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

    fn show(&self, totals: SourceTotals) {
        self.received.absolute(totals.received);
        for (shown, count) in self.outcomes.iter().zip(totals.outcomes) {
            shown.absolute(count);
        }
        self.conflicting.absolute(totals.conflicting);
        self.amended.absolute(totals.amended);
        self.sequence_gaps.set(totals.sequence_gaps as f64);
    }
}

/// Names that need escaping could become equal by it, and one series shown twice makes Prometheus refuse all of them.
fn is_plain(source: &str) -> bool {
    let needs_escape = |c: char| c.is_control() || c == '\\' || c == '"';
    source.len() <= NAME_BYTES_MAX && !source.contains(needs_escape)
}

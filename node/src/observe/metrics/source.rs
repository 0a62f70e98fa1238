//! Deliveries by source: names come from outside, so they are bounded.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use metrics::{Counter, Unit};

use super::ingest::Outcome;
use super::registry::Registry;

/// So many sources have counters of their own; what comes from further ones counts as `other`.
pub(super) const SOURCES_MAX: usize = 256;
/// A longer name counts as `other`, bytes.
const NAME_BYTES_MAX: usize = 128;
const NAME: &str = "homeroom_source_events_total";
const OTHER: &str = "other";

/// Deliveries by source.
pub struct SourceMetrics {
    registry: Arc<Registry>,
    known: RwLock<HashMap<String, Arc<SourceCounters>>>,
    other: Arc<SourceCounters>,
}

/// Deliveries of one source. To be kept while one batch is counted.
pub struct SourceCounters([Counter; Outcome::NAMES.len()]);

impl SourceMetrics {
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        registry.describe_counter(
            NAME,
            Unit::Count,
            "Deliveries of events, by source and by what became of them",
        );
        Self {
            other: Arc::new(SourceCounters::new(&registry, OTHER)),
            known: RwLock::default(),
            registry,
        }
    }

    /// The counters of a source.
    pub fn of(&self, source: &str) -> Arc<SourceCounters> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(counters) = known.get(source) {
            return Arc::clone(counters);
        }
        drop(known);
        if !is_plain(source) {
            return Arc::clone(&self.other);
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= SOURCES_MAX && !known.contains_key(source) {
            return Arc::clone(&self.other);
        }
        let counters = known
            .entry(source.to_owned())
            .or_insert_with(|| Arc::new(SourceCounters::new(&self.registry, source)));
        Arc::clone(counters)
    }
}

impl SourceCounters {
    fn new(registry: &Registry, source: &str) -> Self {
        let labelled =
            |outcome| registry.counter(NAME, &[("source", source), ("outcome", outcome)]);
        Self(Outcome::NAMES.map(labelled))
    }

    /// Deliveries with this outcome.
    pub fn events(&self, outcome: Outcome) -> &Counter {
        &self.0[outcome as usize]
    }
}

/// Names that need escaping could become equal by it, and one series shown twice makes Prometheus refuse all of them.
fn is_plain(source: &str) -> bool {
    let needs_escape = |c: char| c.is_control() || c == '\\' || c == '"';
    source.len() <= NAME_BYTES_MAX && !source.contains(needs_escape)
}

//! The ledger of deliveries, per source.

use std::collections::BTreeMap;

use super::reason::Reason;

/// Sources beyond this number are counted together, unless one without an accepted event can be
/// forgotten for a new one.
const SOURCES_MAX: usize = 256;
const OTHER: &str = "other";

/// The outcomes of one source's deliveries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceCounts {
    /// All deliveries.
    pub received: u64,
    /// Accepted ones.
    pub accepted: u64,
    /// Repeated ones, of an event or of a dead letter.
    pub duplicate: u64,
    /// The duplicates whose content differs from the accepted event; included in `duplicate`.
    pub conflicting: u64,
    /// Those of a type for which another source has the authority.
    pub shadowed: u64,
    /// Refused ones, by reason.
    pub dead_lettered: BTreeMap<Reason, u64>,
}

impl SourceCounts {
    /// Whether every delivery is counted exactly once.
    pub fn is_conserved(&self) -> bool {
        let dead: u64 = self.dead_lettered.values().sum();
        self.received == self.accepted + self.duplicate + self.shadowed + dead
    }

    fn add(&mut self, counts: &SourceCounts) {
        self.received += counts.received;
        self.accepted += counts.accepted;
        self.duplicate += counts.duplicate;
        self.conflicting += counts.conflicting;
        self.shadowed += counts.shadowed;
        for (reason, count) in &counts.dead_lettered {
            *self.dead_lettered.entry(*reason).or_default() += count;
        }
    }
}

/// The ledger of all sources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// By source, sorted by name.
    pub by_source: BTreeMap<String, SourceCounts>,
    /// Number of the last delivery, by source.
    heard: BTreeMap<String, u64>,
    deliveries: u64,
}

impl Counts {
    /// The counters of `source` for one more delivery, or the common ones when there are too many
    /// sources.
    pub fn of(&mut self, source: &str) -> &mut SourceCounts {
        let named = self.by_source.keys().filter(|name| *name != OTHER);
        let is_new = !self.by_source.contains_key(source);
        let mut name = source;
        if is_new && named.count() >= SOURCES_MAX && !self.forget_one() {
            name = OTHER;
        }
        self.deliveries += 1;
        self.heard.insert(name.to_owned(), self.deliveries);
        self.by_source.entry(name.to_owned()).or_default()
    }

    /// Moves the counts of the source that was heard of longest ago, of those without an accepted
    /// event, to the common ones.
    fn forget_one(&mut self) -> bool {
        let mut oldest: Option<&String> = None;
        for (name, counts) in &self.by_source {
            let is_older = oldest.is_none_or(|oldest| self.heard[name] < self.heard[oldest]);
            if counts.accepted == 0 && name != OTHER && is_older {
                oldest = Some(name);
            }
        }
        let Some(name) = oldest.cloned() else {
            return false;
        };
        let counts = self.by_source.remove(&name).unwrap_or_default();
        self.by_source
            .entry(OTHER.to_owned())
            .or_default()
            .add(&counts);
        self.heard.entry(OTHER.to_owned()).or_default();
        true
    }

    /// The sum over all sources.
    pub fn total(&self) -> SourceCounts {
        let mut total = SourceCounts::default();
        for counts in self.by_source.values() {
            total.add(counts);
        }
        total
    }
}

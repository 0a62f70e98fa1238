//! The ledger of deliveries, per source.

use std::collections::BTreeMap;

use super::reason::Reason;

/// Sources beyond this number are counted together.
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
}

/// The ledger of all sources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// By source, sorted by name.
    pub by_source: BTreeMap<String, SourceCounts>,
}

impl Counts {
    /// The counters of `source`, or the common ones when there are too many sources.
    pub fn of(&mut self, source: &str) -> &mut SourceCounts {
        let has_room = self.by_source.len() < SOURCES_MAX || self.by_source.contains_key(source);
        self.by_source
            .entry(if has_room { source } else { OTHER }.to_owned())
            .or_default()
    }

    /// The sum over all sources.
    pub fn total(&self) -> SourceCounts {
        let mut total = SourceCounts::default();
        for counts in self.by_source.values() {
            total.received += counts.received;
            total.accepted += counts.accepted;
            total.duplicate += counts.duplicate;
            total.conflicting += counts.conflicting;
            total.shadowed += counts.shadowed;
            for (reason, count) in &counts.dead_lettered {
                *total.dead_lettered.entry(*reason).or_default() += count;
            }
        }
        total
    }
}

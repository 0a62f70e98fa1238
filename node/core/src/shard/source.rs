//! The sources that publish to a shard.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use crate::{Reason, Settings, wire::NUMBER_BYTES_MAX};

/// The name under which all sources beyond 256 are counted.
pub const OTHER_SOURCES: &str = "other";
/// The most sources that a shard distinguishes.
const SOURCES_MAX: usize = 256;
/// The most bytes of a source's name. Ingress refuses longer ones; from elsewhere they count as
/// others.
pub(super) const NAME_BYTES_MAX: usize = 1_024;
/// The most bytes of one encoded source besides its name: 17 numbers and a count for each reason.
const SOURCE_BYTES_MAX: usize = 17 * NUMBER_BYTES_MAX + Reason::ALL.len() * 2 * NUMBER_BYTES_MAX;
/// The most bytes of all encoded sources.
pub(super) const SOURCES_BYTES_MAX: usize =
    NUMBER_BYTES_MAX + (SOURCES_MAX + 1) * (NUMBER_BYTES_MAX + NAME_BYTES_MAX + SOURCE_BYTES_MAX);

/// Counts of one source's deliveries. Invariant: received = accepted + duplicate + shadowed +
/// dead-lettered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// All deliveries.
    pub received: u64,
    /// Accepted events.
    pub accepted: u64,
    /// Repeated deliveries.
    pub duplicate: u64,
    /// Duplicates with other content.
    pub conflicting: u64,
    /// Deliveries of types for which another source is authoritative.
    pub shadowed: u64,
    /// Refused deliveries, by reason.
    pub dead_lettered: BTreeMap<Reason, u64>,
    /// Accepted events whose window was settled.
    pub amended: u64,
}

/// The state of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub counters: Counters,
    /// Newest accepted event time, ms.
    pub newest_event_ms: Option<i64>,
    /// Log time of the last delivery, ms.
    pub heard_ms: i64,
    /// Declared ordered, but an event came out of order.
    pub broke_order: bool,
    pub sequence: Option<Sequence>,
}

/// The sequence numbers of the events that this shard accepted from a source. Only all shards
/// together show gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// Smallest number.
    pub first: u64,
    /// Largest number.
    pub last: u64,
    /// Number of different ones.
    pub seen: u64,
}

/// The freshness of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFreshness {
    /// The source.
    pub source: Box<str>,
    /// Newest accepted event time, ms.
    pub newest_event_ms: Option<i64>,
    /// Silent for 30 s of log time.
    pub idle: bool,
    /// More than 2 min behind the foremost source.
    pub lagging: bool,
}

/// All sources of a shard, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources {
    by_name: BTreeMap<Box<str>, Source>,
}

impl Sequence {
    /// The numbers of two shards combined.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            seen: self.seen.saturating_add(other.seen),
        }
    }

    /// Number of missing values between the first and the last.
    pub fn missing(self) -> u64 {
        (self.last - self.first)
            .saturating_add(1)
            .saturating_sub(self.seen)
    }
}

impl Counters {
    /// Number of refused deliveries.
    pub fn dead_letters(&self) -> u64 {
        self.dead_lettered.values().sum()
    }

    /// Whether every delivery has exactly one outcome.
    pub fn is_conserved(&self) -> bool {
        self.received == self.accepted + self.duplicate + self.shadowed + self.dead_letters()
    }

    /// Adds the counts of another shard.
    pub fn merge(&mut self, other: &Self) {
        self.received += other.received;
        self.accepted += other.accepted;
        self.duplicate += other.duplicate;
        self.conflicting += other.conflicting;
        self.shadowed += other.shadowed;
        self.amended += other.amended;
        for (reason, count) in &other.dead_lettered {
            *self.dead_lettered.entry(*reason).or_default() += count;
        }
    }

    fn count(&mut self, outcome: Outcome, amends: bool) {
        self.received += 1;
        match outcome {
            Outcome::Accepted => {
                self.accepted += 1;
                self.amended += u64::from(amends);
            }
            Outcome::Duplicate { conflicting, .. } => {
                self.duplicate += 1;
                self.conflicting += u64::from(conflicting);
            }
            Outcome::Shadowed => self.shadowed += 1,
            Outcome::DeadLettered(reason) => {
                *self.dead_lettered.entry(reason).or_default() += 1;
            }
        }
    }
}

impl Source {
    /// How far its events may be out of order, ms.
    pub fn delay_ms(&self, name: &str, settings: &Settings) -> i64 {
        let policy = settings.source_policy(name);
        if policy.ordered && !self.broke_order {
            0
        } else {
            policy.delay_ms.unwrap_or(settings.source_delay_ms)
        }
    }

    fn note_accepted(&mut self, name: &str, timestamp_ms: i64, settings: &Settings) {
        if self
            .newest_event_ms
            .is_some_and(|newest_ms| timestamp_ms < newest_ms)
        {
            self.broke_order |= settings.source_policy(name).ordered;
        }
        self.newest_event_ms = self.newest_event_ms.max(Some(timestamp_ms));
    }

    fn note_sequence(&mut self, number: u64) {
        let sequence = self.sequence.get_or_insert(Sequence {
            first: number,
            last: number,
            seen: 0,
        });
        sequence.first = sequence.first.min(number);
        sequence.last = sequence.last.max(number);
        sequence.seen += 1;
    }
}

/// A delivery with the data that its source is counted by.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    pub source: &'a str,
    pub outcome: Outcome,
    pub amends: bool,
    pub log_time_ms: i64,
    /// Set for events that could be decoded.
    pub timestamp_ms: Option<i64>,
    pub sequence: Option<u64>,
}

impl Sources {
    /// Counts a delivery.
    pub fn count(&mut self, delivery: Delivery<'_>, settings: &Settings) {
        let name = if self.by_name.contains_key(delivery.source) {
            delivery.source
        } else {
            self.meet(delivery.source, delivery.log_time_ms)
        };
        let Some(source) = self.by_name.get_mut(name) else {
            return;
        };
        source.heard_ms = delivery.log_time_ms;
        source.counters.count(delivery.outcome, delivery.amends);
        if let (Outcome::Accepted, Some(timestamp_ms)) = (delivery.outcome, delivery.timestamp_ms) {
            source.note_accepted(name, timestamp_ms, settings);
        }
        // The number of a refused event is not counted: it would count twice if the event is
        // accepted later.
        if let (Outcome::Accepted | Outcome::Shadowed, Some(number)) =
            (delivery.outcome, delivery.sequence)
        {
            source.note_sequence(number);
        }
    }

    /// All sources, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.by_name.iter().map(|(name, source)| (&**name, source))
    }

    /// Adds a new source, and returns the name under which it is counted.
    fn meet<'n>(&mut self, name: &'n str, log_time_ms: i64) -> &'n str {
        let has_place = name.len() <= NAME_BYTES_MAX && (self.has_room() || self.forget_one());
        let name = if has_place { name } else { OTHER_SOURCES };
        self.entry(name, log_time_ms);
        name
    }

    fn has_room(&self) -> bool {
        let others = usize::from(self.by_name.contains_key(OTHER_SOURCES));
        self.by_name.len() - others < SOURCES_MAX
    }

    /// Frees the place of the source that was not heard of for longest, of those without an
    /// accepted event; of equal ones, that of the first name. Its counts go to the others', so that
    /// their sum stays. Such a source has no part in the watermark.
    fn forget_one(&mut self) -> bool {
        let idle = self
            .by_name
            .iter()
            .filter(|(name, source)| source.counters.accepted == 0 && &***name != OTHER_SOURCES);
        let Some((name, _)) = idle.min_by_key(|(_, source)| source.heard_ms) else {
            return false;
        };
        let name = name.clone();
        if let Some(source) = self.by_name.remove(&name) {
            let others = self.entry(OTHER_SOURCES, source.heard_ms);
            others.counters.merge(&source.counters);
            others.heard_ms = others.heard_ms.max(source.heard_ms);
        }
        true
    }

    fn entry(&mut self, name: &str, heard_ms: i64) -> &mut Source {
        self.by_name.entry(name.into()).or_insert_with(|| Source {
            counters: Counters::default(),
            newest_event_ms: None,
            heard_ms,
            broke_order: false,
            sequence: None,
        })
    }
}

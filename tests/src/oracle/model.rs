//! The model: takes every delivery, stores the set of accepted events.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::counts::Counts;
use super::event::NaiveEvent;
use super::learner::NaiveLearner;
use super::parse_native::parse_native;
use super::parse_xapi::parse_xapi;
use super::reason::{Reason, Refusal};
use super::room::{NaiveEntry, NaiveRoom};
use super::settings::Settings;
use super::window::{WindowRow, WindowSpec};

/// The outcome of one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Accepted.
    Accepted,
    /// An event of this identity is already accepted.
    Duplicate {
        /// Whether the content differs from the accepted event's.
        conflicting: bool,
    },
    /// The same bytes of this source are a dead letter already.
    DuplicateRefusal(Reason),
    /// Another source has the authority for this type.
    Shadowed,
    /// Refused.
    DeadLetter(Reason),
}

/// The set of accepted events, with the ledger of all deliveries.
#[derive(Debug, Default)]
pub struct NaiveModel {
    settings: Settings,
    learners: BTreeMap<String, HashMap<String, Arc<NaiveEvent>>>,
    rooms: BTreeMap<String, NaiveRoom>,
    entry: NaiveEntry,
    dead_letters: HashSet<(String, Vec<u8>)>,
    counts: Counts,
}

impl NaiveModel {
    /// An empty model.
    pub fn new(settings: Settings) -> NaiveModel {
        let entry = NaiveEntry {
            floor_ms: settings.floor_ms,
            ..NaiveEntry::default()
        };
        NaiveModel {
            settings,
            entry,
            ..NaiveModel::default()
        }
    }

    /// A model of native JSON lines, delivered in this order.
    pub fn from_lines<L: AsRef<[u8]>>(
        lines: impl IntoIterator<Item = L>,
        settings: Settings,
    ) -> NaiveModel {
        let mut model = NaiveModel::new(settings);
        for line in lines {
            model.deliver_native(line.as_ref());
        }
        model
    }

    /// A model of valid events, delivered in this order.
    pub fn from_events(
        events: impl IntoIterator<Item = NaiveEvent>,
        settings: Settings,
    ) -> NaiveModel {
        let mut model = NaiveModel::new(settings);
        for event in events {
            model.deliver_event(event);
        }
        model
    }

    /// Takes one native JSON line.
    pub fn deliver_native(&mut self, line: &[u8]) -> Outcome {
        let parsed = parse_native(line, &self.settings);
        self.deliver(parsed, line)
    }

    /// Takes one xAPI statement.
    pub fn deliver_xapi(&mut self, statement: &[u8]) -> Outcome {
        let parsed = parse_xapi(statement, &self.settings);
        self.deliver(parsed, statement)
    }

    /// Takes one valid event; its content serves as its bytes.
    pub fn deliver_event(&mut self, event: NaiveEvent) -> Outcome {
        let bytes = format!("{event:?}");
        self.deliver(Ok(event), bytes.as_bytes())
    }

    /// Says in which entry the next deliveries are. Its floor becomes that of the settings.
    pub fn begin_entry(&mut self, entry: NaiveEntry) {
        self.entry = entry;
        self.settings.floor_ms = entry.floor_ms;
    }

    /// The counted bytes that are kept of a learner, and their estimate.
    pub fn kept(&self, user_id: &str) -> Option<(u64, u64)> {
        let room = self.rooms.get(user_id)?;
        Some((room.kept_bytes(&self.entry), room.estimate()))
    }

    /// The ledger of deliveries.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The learners with at least one accepted event, in the order of their ids.
    pub fn learners(&self) -> impl Iterator<Item = NaiveLearner<'_>> {
        self.learners
            .iter()
            .map(|(user_id, events)| NaiveLearner::new(user_id, events.values().map(|it| &**it)))
    }

    /// Time of the newest accepted event, ms.
    ///
    /// # Panics
    /// When there is none.
    pub fn newest_ms(&self) -> i64 {
        let learners = self.learners();
        let newest = learners.filter_map(|learner| Some(learner.events.last()?.timestamp_ms));
        newest.max().expect("events")
    }

    /// One learner, if known.
    pub fn learner(&self, user_id: &str) -> Option<NaiveLearner<'_>> {
        self.learners
            .get_key_value(user_id)
            .map(|(user_id, events)| NaiveLearner::new(user_id, events.values().map(|it| &**it)))
    }

    /// The windows of all learners, by learner and start.
    pub fn windows(&self, spec: WindowSpec) -> Vec<WindowRow> {
        self.learners()
            .flat_map(|learner| learner.windows(spec, None))
            .collect()
    }

    fn deliver(&mut self, parsed: Result<NaiveEvent, Refusal>, bytes: &[u8]) -> Outcome {
        let source = match &parsed {
            Ok(event) => event.source.clone(),
            Err(refusal) => refusal
                .source
                .clone()
                .unwrap_or_else(|| self.settings.listener.clone()),
        };
        let outcome = match parsed {
            Ok(event) => self.admit(event, bytes),
            Err(refusal) => self.refuse(&source, bytes, refusal.reason),
        };
        let counts = self.counts.of(&source);
        counts.received += 1;
        match outcome {
            Outcome::Accepted => counts.accepted += 1,
            Outcome::Duplicate { conflicting } => {
                counts.duplicate += 1;
                counts.conflicting += u64::from(conflicting);
            }
            Outcome::DuplicateRefusal(_) => counts.duplicate += 1,
            Outcome::Shadowed => counts.shadowed += 1,
            Outcome::DeadLetter(reason) => *counts.dead_lettered.entry(reason).or_default() += 1,
        }
        outcome
    }

    /// The checks of a valid event, in the order of the design: duplicate, retention, authority,
    /// room.
    fn admit(&mut self, event: NaiveEvent, bytes: &[u8]) -> Outcome {
        let known = self
            .learners
            .get(&event.user_id)
            .and_then(|events| events.get(&event.event_id));
        if let Some(known) = known {
            return Outcome::Duplicate {
                conflicting: !known.same_content(&event),
            };
        }
        if self
            .settings
            .floor_ms
            .is_some_and(|floor_ms| event.timestamp_ms < floor_ms)
        {
            return self.refuse(&event.source, bytes, Reason::BeyondRetention);
        }
        if !self
            .settings
            .has_authority(&event.event_type, &event.source)
        {
            return Outcome::Shadowed;
        }
        let event = Arc::new(event);
        let room = self.rooms.entry(event.user_id.clone()).or_default();
        if !room.take(&event, &self.entry, self.settings.learner_bytes_max) {
            return self.refuse(&event.source, bytes, Reason::LearnerFull);
        }
        let events = self.learners.entry(event.user_id.clone()).or_default();
        events.insert(event.event_id.clone(), event);
        Outcome::Accepted
    }

    fn refuse(&mut self, source: &str, bytes: &[u8], reason: Reason) -> Outcome {
        let key = (source.to_owned(), bytes.to_vec());
        if !self.dead_letters.insert(key) {
            return Outcome::DuplicateRefusal(reason);
        }
        Outcome::DeadLetter(reason)
    }
}

//! A shard's state beside its learners.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    dead_letters::{DeadLetters, Ledger},
    open_windows::OpenWindows,
    source::{Counters, Sequence, SourceFreshness, Sources},
    watermark::Watermark,
};
use crate::{
    DeadLetterUpdate, Settings,
    context::{BLOCK_EVENTS, EntryContext, ReadPoint},
    time::{MINUTE_MS, floor_to},
    wire::{DecodeError, versioned},
};

/// Version of the encoding of a shard's own record.
const STATE_VERSION: u8 = 3;
/// The version before, which had no open windows behind it: the oldest that can be read.
const BEFORE: u8 = 2;

/// What a shard knows beyond its learners.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShardState {
    settings: Arc<Settings>,
    pub(super) watermark: Watermark,
    pub(super) event_clock_ms: Option<i64>,
    /// Log time at which the event clock was last raised; unknown after a record of the first version.
    pub(super) clock_raised_ms: Option<i64>,
    pub(super) sources: Sources,
    pub(super) dead_letters: DeadLetters,
    pub(super) open_windows: OpenWindows,
    /// Never goes back, not even when the retention is raised: what was forgotten stays forgotten.
    pub(super) floor_ms: Floor,
    /// While an entry is applied: where the silence before it had brought the watermark.
    silent_ms: Option<i64>,
}

/// The highest floor so far, ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Floor(i64);

impl Default for Floor {
    fn default() -> Self {
        Self(i64::MIN)
    }
}

/// How current a shard's answers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// `None` before the first accepted event.
    pub watermark_ms: Option<i64>,
    /// By name.
    pub sources: Vec<SourceFreshness>,
}

#[derive(Serialize)]
struct Stored<'a> {
    settings: &'a Settings,
    watermark: &'a Watermark,
    event_clock_ms: Option<i64>,
    sources: &'a Sources,
    ledger: &'a Ledger,
    emissions: FormerProgress,
    floor_ms: Floor,
}

/// What the version before knew of closed windows. Kept, so that one reader serves both versions.
type FormerProgress = [i64; 2];

#[derive(Deserialize)]
struct Restored {
    settings: Settings,
    watermark: Watermark,
    event_clock_ms: Option<i64>,
    sources: Sources,
    ledger: Ledger,
    #[serde(rename = "emissions")]
    _emissions: FormerProgress,
    floor_ms: Floor,
}

impl ShardState {
    /// A shard that has applied nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings: Arc::new(settings),
            ..Self::default()
        }
    }

    /// The first step of an entry: log time goes on, and what holds for its events is fixed.
    pub fn begin(&mut self, index: u64, log_time_ms: i64) -> EntryContext {
        self.silent_ms = self
            .watermark
            .after_silence(log_time_ms, &self.sources, &self.settings);
        self.watermark.begin(log_time_ms);
        let at = self.read_point();
        self.floor_ms = Floor(at.floor_ms);
        EntryContext {
            block_events: BLOCK_EVENTS,
            index,
            log_time_ms: self.watermark.log_time_ms(),
            watermark_ms: at.watermark_ms,
            floor_ms: at.floor_ms,
            settings: Arc::clone(&self.settings),
        }
    }

    /// From the next entry on these settings hold.
    pub fn set_settings(&mut self, settings: Settings) {
        self.settings = Arc::new(settings);
    }

    /// The settings in force.
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// Log time of the newest entry, ms.
    pub fn log_time_ms(&self) -> i64 {
        self.watermark.log_time_ms()
    }

    /// The point that reads see.
    pub fn read_point(&self) -> ReadPoint {
        let watermark_ms = self.watermark.current_ms().unwrap_or(i64::MIN);
        let oldest_ms = watermark_ms.saturating_sub(self.settings.retention_ms);
        let floor_ms = floor_to(oldest_ms.max(i64::MIN / 2), MINUTE_MS);
        ReadPoint {
            watermark_ms,
            event_clock_ms: self.event_clock_ms.unwrap_or(i64::MIN),
            floor_ms: floor_ms.max(self.floor_ms.0),
            allowed_lateness_ms: self.settings.allowed_lateness_ms,
        }
    }

    /// How current answers are.
    pub fn freshness(&self) -> Freshness {
        Freshness {
            watermark_ms: self.watermark.current_ms(),
            sources: self.watermark.freshness(&self.sources).collect(),
        }
    }

    /// How far the watermark is behind what the sources' delays explain, ms of event time. 0 when nobody speaks.
    pub fn watermark_lag_ms(&self) -> i64 {
        self.watermark.lag_ms(&self.sources, &self.settings)
    }

    /// Deliveries by source.
    pub fn counters(&self) -> BTreeMap<&str, &Counters> {
        self.sources
            .iter()
            .map(|(name, source)| (name, &source.counters))
            .collect()
    }

    /// Log time at which the newest accepted event came, ms; `None` before the first.
    pub fn clock_raised_ms(&self) -> Option<i64> {
        self.clock_raised_ms
    }

    /// Sources' own numbering, for those that number their events.
    pub fn sequences(&self) -> impl Iterator<Item = (&str, Sequence)> {
        self.sources
            .iter()
            .filter_map(|(name, source)| Some((name, source.sequence?)))
    }

    /// Sources declared ordered that broke their word.
    pub fn out_of_order_sources(&self) -> impl Iterator<Item = &str> {
        self.sources
            .iter()
            .filter(|(_, source)| source.broke_order)
            .map(|(name, _)| name)
    }

    /// The refused events.
    pub fn dead_letters(&self) -> &DeadLetters {
        &self.dead_letters
    }

    /// The refused events, to take their changes.
    pub fn dead_letters_mut(&mut self) -> &mut DeadLetters {
        &mut self.dead_letters
    }

    /// Does what an entry says of kept dead letters; no delivery is counted by it.
    pub fn update_dead_letters(&mut self, update: DeadLetterUpdate) {
        self.dead_letters.update(update);
    }

    /// Closes the windows that the watermark has passed, and says how many learners' windows those were; to be called after each
    /// entry.
    pub fn close_windows(&mut self) -> u64 {
        let at = self.read_point();
        self.open_windows.close(at.watermark_ms, at.floor_ms)
    }

    /// The shard's own record; dead letters are stored beside it.
    pub fn encode(&self) -> Vec<u8> {
        let stored = Stored {
            settings: &self.settings,
            watermark: &self.watermark,
            event_clock_ms: self.event_clock_ms,
            sources: &self.sources,
            ledger: &self.dead_letters.ledger,
            emissions: FormerProgress::default(),
            floor_ms: self.floor_ms,
        };
        let first = postcard::to_extend(&stored, vec![STATE_VERSION]);
        first
            .and_then(|bytes| postcard::to_extend(&self.clock_raised_ms, bytes))
            .and_then(|bytes| postcard::to_extend(&self.open_windows, bytes))
            .expect("serialising into memory does not fail")
    }

    /// A shard from its own record and its dead letters.
    ///
    /// # Errors
    /// When a record is damaged or of an unknown version.
    pub fn restore(
        bytes: &[u8],
        letters: impl Iterator<Item = (u64, Vec<u8>)>,
    ) -> Result<Self, DecodeError> {
        let (version, body) = versioned(bytes, BEFORE..=STATE_VERSION)?;
        let (restored, rest) =
            postcard::take_from_bytes::<Restored>(body).map_err(|_| DecodeError::Damaged)?;
        let later = match version {
            BEFORE => {
                postcard::from_bytes(rest).map(|raised_ms| (raised_ms, OpenWindows::default()))
            }
            _ => postcard::from_bytes(rest),
        };
        let (clock_raised_ms, open_windows) = later.map_err(|_| DecodeError::Damaged)?;
        let dead_letters =
            DeadLetters::restore(restored.ledger, letters).map_err(|_| DecodeError::Damaged)?;
        Ok(Self {
            settings: Arc::new(restored.settings),
            watermark: restored.watermark,
            event_clock_ms: restored.event_clock_ms,
            clock_raised_ms,
            sources: restored.sources,
            dead_letters,
            open_windows,
            floor_ms: restored.floor_ms,
            silent_ms: None,
        })
    }

    pub(super) fn raise_clock(&mut self, timestamp_ms: i64, log_time_ms: i64) {
        if self.event_clock_ms < Some(timestamp_ms) {
            self.event_clock_ms = Some(timestamp_ms);
            self.clock_raised_ms = Some(log_time_ms);
        }
    }

    pub(super) fn sources(&self) -> &Sources {
        &self.sources
    }

    pub(super) fn advance_watermark(&mut self) {
        self.watermark
            .advance(self.silent_ms.take(), &self.sources, &self.settings);
        self.floor_ms = Floor(self.read_point().floor_ms);
    }
}

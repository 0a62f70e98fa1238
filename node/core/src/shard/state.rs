//! The state of a shard besides its learners.

use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_bytes::Bytes;

use super::{
    dead_letters::{DeadLetters, LEDGER_BYTES_MAX, Ledger},
    open_windows::{OPEN_WINDOWS_BYTES_MAX, OpenWindows},
    source::{Counters, SOURCES_BYTES_MAX, Sequence, SourceFreshness, Sources},
    watermark::Watermark,
};
use crate::{
    DeadLetterUpdate, Settings,
    context::{BLOCK_EVENTS, EntryContext, ReadPoint},
    entry_hash::{EntryHash, HASH_BYTES_MAX},
    settings::{EARLIER_SETTINGS_BYTES_MAX, SettingsBefore},
    time::{MINUTE_MS, floor_to},
    wire::{DecodeError, NUMBER_BYTES_MAX, versioned},
};

/// Version of the encoding of a shard's own record.
const STATE_VERSION: u8 = 5;
/// The version before, without the entry hash at the end.
const WITHOUT_HASH: u8 = 4;
/// The oldest version that can be read, without open windows at the end. Before version 4 the
/// settings had no version of their own.
const OLDEST: u8 = 2;

/// The most bytes of sources' names in a shard's freshness.
const LISTED_BYTES_MAX: usize = 8 << 10;
/// The most bytes of a shard's own record, whatever its input: its parts, and some numbers.
pub const STATE_BYTES_MAX: usize = EARLIER_SETTINGS_BYTES_MAX
    + SOURCES_BYTES_MAX
    + LEDGER_BYTES_MAX
    + OPEN_WINDOWS_BYTES_MAX
    + HASH_BYTES_MAX
    + 16 * NUMBER_BYTES_MAX;

/// The state of a shard besides its learners.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShardState {
    settings: Arc<Settings>,
    pub(super) watermark: Watermark,
    pub(super) event_clock_ms: Option<i64>,
    /// Log time at which the event clock last advanced, ms; `None` before the first event.
    pub(super) clock_raised_ms: Option<i64>,
    pub(super) sources: Sources,
    pub(super) dead_letters: DeadLetters,
    pub(super) open_windows: OpenWindows,
    /// It never decreases, even if the retention grows: pruned data is gone.
    pub(super) floor_ms: Floor,
    pub(super) entry_hash: EntryHash,
    /// The watermark after the silence before the entry, while the entry is applied.
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

/// The freshness of a shard's answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// `None` before the first accepted event.
    pub watermark_ms: Option<i64>,
    /// Ordered by name; of names beyond 8 KiB those heard of most recently.
    pub sources: Vec<SourceFreshness>,
}

/// What follows the settings.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    watermark: Cow<'a, Watermark>,
    event_clock_ms: Option<i64>,
    sources: Cow<'a, Sources>,
    ledger: Cow<'a, Ledger>,
    unused: Unused,
    floor_ms: Floor,
}

/// What version 2 stored about closed windows. Kept, so that one reader serves both versions.
type Unused = [i64; 2];

impl ShardState {
    /// A shard before its first entry.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings: Arc::new(settings),
            ..Self::default()
        }
    }

    /// The first step of an entry: advances log time and fixes the context of the entry's events.
    /// `bytes` are the entry as the log has it.
    pub fn begin(&mut self, index: u64, log_time_ms: i64, bytes: &[u8]) -> EntryContext {
        self.entry_hash.begin(index, bytes);
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

    /// Sets the settings for the following entries, unless they are older than those in force: two
    /// changes may reach the shard in the other order.
    pub fn set_settings(&mut self, settings: Settings) {
        if settings.version >= self.settings.version {
            self.settings = Arc::new(settings);
        }
    }

    /// The hash over all entries so far.
    pub fn entry_hash(&self) -> EntryHash {
        self.entry_hash
    }

    /// The settings in force.
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// Log time of the newest entry, ms.
    pub fn log_time_ms(&self) -> i64 {
        self.watermark.log_time_ms()
    }

    /// The point at which reads see the shard.
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

    /// The freshness of answers.
    pub fn freshness(&self) -> Freshness {
        Freshness {
            watermark_ms: self.watermark.current_ms(),
            sources: self.listed_sources(),
        }
    }

    /// The sources' freshness by name: of all, or of those heard of most recently, since an answer
    /// lists them for each shard, and senders choose the names.
    fn listed_sources(&self) -> Vec<SourceFreshness> {
        let bytes: usize = self.sources.iter().map(|(name, _)| name.len()).sum();
        let all = self.watermark.freshness(&self.sources);
        if bytes <= LISTED_BYTES_MAX {
            return all.collect();
        }
        let mut heard: Vec<(i64, &str)> = self
            .sources
            .iter()
            .map(|(name, source)| (source.heard_ms, name))
            .collect();
        heard.sort_by_key(|(heard_ms, name)| (Reverse(*heard_ms), *name));
        let mut left = LISTED_BYTES_MAX;
        let fits = heard.into_iter().map_while(|(_, name)| {
            left = left.checked_sub(name.len())?;
            Some(name)
        });
        let listed: BTreeSet<&str> = fits.collect();
        all.filter(|source| listed.contains(&*source.source))
            .collect()
    }

    /// How far the watermark is behind what the sources' delays explain, ms of event time. 0 while
    /// all sources are idle.
    pub fn watermark_lag_ms(&self) -> i64 {
        self.watermark.lag_ms(&self.sources, &self.settings)
    }

    /// Delivery counts by source.
    pub fn counters(&self) -> BTreeMap<&str, &Counters> {
        self.sources
            .iter()
            .map(|(name, source)| (name, &source.counters))
            .collect()
    }

    /// Log time at which the newest accepted event arrived, ms; `None` before the first.
    pub fn clock_raised_ms(&self) -> Option<i64> {
        self.clock_raised_ms
    }

    /// Sequence numbers by source, for the sources that number their events.
    pub fn sequences(&self) -> impl Iterator<Item = (&str, Sequence)> {
        self.sources
            .iter()
            .filter_map(|(name, source)| Some((name, source.sequence?)))
    }

    /// Sources that are declared ordered, but sent an event out of order.
    pub fn out_of_order_sources(&self) -> impl Iterator<Item = &str> {
        self.sources
            .iter()
            .filter(|(_, source)| source.broke_order)
            .map(|(name, _)| name)
    }

    /// The dead letters.
    pub fn dead_letters(&self) -> &DeadLetters {
        &self.dead_letters
    }

    /// The dead letters, mutable, for taking their changes.
    pub fn dead_letters_mut(&mut self) -> &mut DeadLetters {
        &mut self.dead_letters
    }

    /// Applies an update of dead letters. It counts no delivery.
    pub fn update_dead_letters(&mut self, update: DeadLetterUpdate) {
        self.dead_letters.update(update);
    }

    /// The last step of an entry: closes the windows that the watermark has passed, and returns
    /// their number over all learners.
    pub fn close_windows(&mut self) -> u64 {
        let at = self.read_point();
        let closed = self.open_windows.close(at.watermark_ms, at.floor_ms);
        self.entry_hash.add_figures(&[closed]);
        closed
    }

    /// Encodes the shard's own record. Dead letters have records of their own.
    pub fn encode(&self) -> Vec<u8> {
        let stored = Stored {
            watermark: Cow::Borrowed(&self.watermark),
            event_clock_ms: self.event_clock_ms,
            sources: Cow::Borrowed(&self.sources),
            ledger: Cow::Borrowed(&self.dead_letters.ledger),
            unused: Unused::default(),
            floor_ms: self.floor_ms,
        };
        let settings = self.settings.encode();
        let first = postcard::to_extend(Bytes::new(&settings), vec![STATE_VERSION]);
        first
            .and_then(|bytes| postcard::to_extend(&stored, bytes))
            .and_then(|bytes| postcard::to_extend(&self.clock_raised_ms, bytes))
            .and_then(|bytes| postcard::to_extend(&self.open_windows, bytes))
            .and_then(|bytes| postcard::to_extend(&self.entry_hash, bytes))
            .expect("serialising into memory does not fail")
    }

    /// Restores a shard from its own record and its dead letters.
    ///
    /// # Errors
    /// When a record is damaged or of an unknown version.
    pub fn restore(
        bytes: &[u8],
        letters: impl Iterator<Item = (u64, Vec<u8>)>,
    ) -> Result<Self, DecodeError> {
        let (version, body) = versioned(bytes, OLDEST..=STATE_VERSION)?;
        let (settings, rest) = match version {
            WITHOUT_HASH.. => {
                let (settings, rest) = take::<&Bytes>(body)?;
                (Settings::decode(settings)?, rest)
            }
            _ => {
                let (before, rest) = take::<SettingsBefore>(body)?;
                (before.into(), rest)
            }
        };
        let (restored, rest) = take::<Stored<'_>>(rest)?;
        let (clock_raised_ms, rest) = take(rest)?;
        let (open_windows, rest) = match version {
            OLDEST => (OpenWindows::default(), rest),
            _ => take(rest)?,
        };
        let (entry_hash, rest) = match version {
            STATE_VERSION => take(rest)?,
            _ => (EntryHash::unknown(), rest),
        };
        if !rest.is_empty() {
            return Err(DecodeError::Damaged);
        }
        let dead_letters = DeadLetters::restore(restored.ledger.into_owned(), letters)
            .map_err(|_| DecodeError::Damaged)?;
        Ok(Self {
            settings: Arc::new(settings),
            watermark: restored.watermark.into_owned(),
            event_clock_ms: restored.event_clock_ms,
            clock_raised_ms,
            sources: restored.sources.into_owned(),
            dead_letters,
            open_windows,
            floor_ms: restored.floor_ms,
            entry_hash,
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

/// Reads a value from the front of bytes.
fn take<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<(T, &'b [u8]), DecodeError> {
    postcard::take_from_bytes(bytes).map_err(|_| DecodeError::Damaged)
}

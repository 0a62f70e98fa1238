//! The watermark: the event time up to which a shard believes it has seen everything.

use serde::{Deserialize, Serialize};

use super::source::{Source, SourceFreshness, Sources};
use crate::{Settings, learner::SESSION_GAP_MS, time::MINUTE_MS};

/// A source silent for this long (in log time) is not waited for, ms.
pub const IDLE_AFTER_MS: i64 = 30_000;
/// A source this far behind the foremost (in event time) is not waited for, ms.
const LAGGING_AFTER_MS: i64 = 2 * MINUTE_MS;
/// How far past the newest event the watermark runs when nobody speaks, ms: a minute more than a session needs to end.
const RUN_ON_MS: i64 = SESSION_GAP_MS + MINUTE_MS;

/// Never goes back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    current_ms: Option<i64>,
    /// Log time of the last entry, ms.
    log_time_ms: i64,
}

impl Watermark {
    /// Where it stands; `None` before the first accepted event.
    pub fn current_ms(&self) -> Option<i64> {
        self.current_ms
    }

    /// Log time of the last entry, ms.
    pub fn log_time_ms(&self) -> i64 {
        self.log_time_ms
    }

    /// Takes over the log time of an entry that begins; log time never goes back, whatever an entry says.
    pub fn begin(&mut self, log_time_ms: i64) -> (i64, i64) {
        let before_ms = self.log_time_ms;
        self.log_time_ms = before_ms.max(log_time_ms);
        (before_ms, self.log_time_ms)
    }

    /// Moves on, now that the deliveries of an entry are counted; `before_ms` is the log time of the entry before.
    pub fn advance(&mut self, before_ms: i64, sources: &Sources, settings: &Settings) {
        let candidate = match self.foremost_ms(sources) {
            Some(foremost_ms) => self.slowest_ms(foremost_ms, sources, settings),
            None => self.run_on_ms(before_ms, sources),
        };
        self.current_ms = self.current_ms.max(candidate);
    }

    /// How current each source is, by name.
    pub fn freshness<'s>(
        &self,
        sources: &'s Sources,
    ) -> impl Iterator<Item = SourceFreshness> + use<'s> {
        let foremost_ms = self.foremost_ms(sources);
        let log_time_ms = self.log_time_ms;
        sources.iter().map(move |(name, source)| SourceFreshness {
            source: name.into(),
            newest_event_ms: source.newest_event_ms,
            idle: is_idle(source, log_time_ms),
            lagging: foremost_ms.is_some_and(|foremost_ms| is_lagging(source, foremost_ms)),
        })
    }

    /// The event time at which the watermark comes to rest when nobody speaks.
    pub fn rest_ms(sources: &Sources) -> Option<i64> {
        let newest_ms = sources
            .iter()
            .filter_map(|(_, source)| source.newest_event_ms)
            .max()?;
        Some(newest_ms + RUN_ON_MS)
    }

    /// Log time at which the last source that is still active falls idle, when nobody speaks.
    pub fn all_idle_at_ms(sources: &Sources) -> Option<i64> {
        let heard = sources
            .iter()
            .filter(|(_, source)| source.newest_event_ms.is_some());
        Some(heard.map(|(_, source)| source.heard_ms).max()? + IDLE_AFTER_MS)
    }

    /// Newest event time of the sources that are not idle.
    pub fn foremost_ms(&self, sources: &Sources) -> Option<i64> {
        sources
            .iter()
            .filter(|(_, source)| !is_idle(source, self.log_time_ms))
            .filter_map(|(_, source)| source.newest_event_ms)
            .max()
    }

    /// The least that a source which is waited for vouches for.
    fn slowest_ms(&self, foremost_ms: i64, sources: &Sources, settings: &Settings) -> Option<i64> {
        sources
            .iter()
            .filter(|(_, source)| {
                !is_idle(source, self.log_time_ms) && !is_lagging(source, foremost_ms)
            })
            .filter_map(|(name, source)| {
                let newest_ms = source.newest_event_ms?.min(self.log_time_ms);
                Some(newest_ms - source.delay_ms(name, settings))
            })
            .min()
    }

    /// With all sources idle: on with log time, from the moment when the last fell idle, up to the resting point.
    fn run_on_ms(&self, before_ms: i64, sources: &Sources) -> Option<i64> {
        let idle_since_ms = Self::all_idle_at_ms(sources)?.max(before_ms);
        let ran_ms = (self.log_time_ms - idle_since_ms).max(0);
        Some((self.current_ms? + ran_ms).min(Self::rest_ms(sources)?))
    }
}

fn is_idle(source: &Source, log_time_ms: i64) -> bool {
    log_time_ms - source.heard_ms >= IDLE_AFTER_MS
}

fn is_lagging(source: &Source, foremost_ms: i64) -> bool {
    source
        .newest_event_ms
        .is_some_and(|newest_ms| newest_ms < foremost_ms - LAGGING_AFTER_MS)
}

//! The watermark: the event time up to which a shard assumes that all events have arrived.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::source::{Source, SourceFreshness, Sources};
use crate::{Settings, learner::SESSION_GAP_MS, time::MINUTE_MS};

/// A source without deliveries for this long is idle and not waited for, ms of log time.
pub const IDLE_AFTER_MS: i64 = 30_000;
/// A source this far behind the foremost one is lagging and not waited for, ms of event time.
const LAGGING_AFTER_MS: i64 = 2 * MINUTE_MS;
/// How far the watermark advances past the newest event while all sources are idle, ms: a minute
/// more than a session needs to end.
const RUN_ON_MS: i64 = SESSION_GAP_MS + MINUTE_MS;

/// The watermark. It never decreases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    current_ms: Option<i64>,
    /// Log time of the last entry, ms.
    log_time_ms: i64,
}

impl Watermark {
    /// The current value, ms; `None` before the first accepted event.
    pub fn current_ms(&self) -> Option<i64> {
        self.current_ms
    }

    /// Log time of the last entry, ms.
    pub fn log_time_ms(&self) -> i64 {
        self.log_time_ms
    }

    /// Takes the log time of an entry. It never decreases, whatever the entry says.
    pub fn begin(&mut self, log_time_ms: i64) {
        self.log_time_ms = self.log_time_ms.max(log_time_ms);
    }

    /// The watermark that silence since the last entry gives at a log time. It is evaluated at each
    /// moment at which a source becomes idle, so that the result does not depend on the number of
    /// ticks in between.
    pub fn after_silence(
        &self,
        log_time_ms: i64,
        sources: &Sources,
        settings: &Settings,
    ) -> Option<i64> {
        let moments: BTreeSet<i64> = sources
            .iter()
            .filter(|(_, source)| source.newest_event_ms.is_some())
            .map(|(_, source)| source.heard_ms + IDLE_AFTER_MS)
            .filter(|&idle_ms| self.log_time_ms < idle_ms && idle_ms < log_time_ms)
            .chain((self.log_time_ms < log_time_ms).then_some(log_time_ms))
            .collect();
        let mut then = self.clone();
        for moment_ms in moments {
            then.run_to(moment_ms, sources, settings);
        }
        // A source that becomes idle at exactly this time is idle before the entry's deliveries
        // count, as a tick just before them would find.
        then.run_to(then.log_time_ms, sources, settings);
        then.current_ms
    }

    /// Advances after the deliveries of an entry are counted. `silent_ms` is the result of
    /// [`Self::after_silence`].
    pub fn advance(&mut self, silent_ms: Option<i64>, sources: &Sources, settings: &Settings) {
        let heard_ms = self.foremost_ms(sources).and_then(|foremost_ms| {
            self.slowest_ms(foremost_ms, self.log_time_ms, sources, settings)
        });
        self.current_ms = self.current_ms.max(silent_ms).max(heard_ms);
    }

    /// The freshness of each source, by name.
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

    /// The event time at which the watermark stops while all sources are idle.
    pub fn rest_ms(sources: &Sources) -> Option<i64> {
        let newest_ms = sources
            .iter()
            .filter_map(|(_, source)| source.newest_event_ms)
            .max()?;
        Some(newest_ms + RUN_ON_MS)
    }

    /// Log time at which the last active source becomes idle if nothing arrives.
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

    /// How far the watermark is behind what the delays explain, ms. The expected value is the
    /// newest event of the active sources (at most log time), minus the longest of their delays.
    ///
    /// Measured in event time, so that neither idle sources nor a replay of old events count as
    /// lag. 0 while all sources are idle.
    pub fn lag_ms(&self, sources: &Sources, settings: &Settings) -> i64 {
        let (Some(current_ms), Some(foremost_ms)) = (self.current_ms, self.foremost_ms(sources))
        else {
            return 0;
        };
        let speaking = sources.iter().filter(|(_, source)| {
            source.newest_event_ms.is_some() && !is_idle(source, self.log_time_ms)
        });
        let delays_ms = speaking.map(|(name, source)| source.delay_ms(name, settings));
        let expected_ms = foremost_ms.min(self.log_time_ms) - delays_ms.max().unwrap_or_default();
        expected_ms.saturating_sub(current_ms).max(0)
    }

    /// Advances to a log time, when no source becomes idle and nothing arrives before it.
    fn run_to(&mut self, to_ms: i64, sources: &Sources, settings: &Settings) {
        let reached_ms = match self.foremost_ms(sources) {
            Some(foremost_ms) => self.slowest_ms(foremost_ms, to_ms, sources, settings),
            None => self.run_on_ms(to_ms, sources),
        };
        self.current_ms = self.current_ms.max(reached_ms);
        self.log_time_ms = to_ms;
    }

    /// The smallest watermark that the active, not lagging sources allow at a log time.
    fn slowest_ms(
        &self,
        foremost_ms: i64,
        at_ms: i64,
        sources: &Sources,
        settings: &Settings,
    ) -> Option<i64> {
        sources
            .iter()
            .filter(|(_, source)| {
                !is_idle(source, self.log_time_ms) && !is_lagging(source, foremost_ms)
            })
            .filter_map(|(name, source)| {
                let newest_ms = source.newest_event_ms?.min(at_ms);
                Some(newest_ms - source.delay_ms(name, settings))
            })
            .min()
    }

    /// Advances with log time while all sources are idle, up to [`Self::rest_ms`].
    fn run_on_ms(&self, to_ms: i64, sources: &Sources) -> Option<i64> {
        let ran_ms = self.current_ms? + (to_ms - self.log_time_ms);
        Some(ran_ms.min(Self::rest_ms(sources)?))
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

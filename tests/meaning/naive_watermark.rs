//! The watermark, computed second by second: slow, without entries and ticks. All times are whole
//! seconds.

use std::collections::BTreeMap;

/// Seconds of silence after which the watermark does not wait for a source.
const IDLE_S: i64 = 30;
/// Seconds behind the foremost source beyond which the watermark does not wait for a source.
const LAGGING_S: i64 = 120;
/// Seconds past the newest event after which the watermark rests.
const RUN_ON_S: i64 = 31 * 60;

#[derive(Debug)]
struct Source {
    newest_s: i64,
    heard_s: i64,
    delay_s: i64,
}

/// One shard's watermark.
#[derive(Debug, Default)]
pub struct NaiveWatermark {
    sources: BTreeMap<String, Source>,
    pub watermark_s: Option<i64>,
    now_s: i64,
}

impl NaiveWatermark {
    /// Advances log time, second by second, without events up to and including its end.
    pub fn pass_to(&mut self, now_s: i64) {
        while self.now_s < now_s {
            let waited_for = self.vouched_for(self.now_s, self.now_s + 1);
            self.now_s += 1;
            let newest_s = self.sources.values().map(|source| source.newest_s).max();
            let ran_on = || Some((self.watermark_s? + 1).min(newest_s? + RUN_ON_S));
            self.raise(waited_for.or_else(ran_on));
        }
        self.settle();
    }

    /// An accepted event, now.
    pub fn hear(&mut self, source: &str, event_s: i64, ordered: bool) {
        let now_s = self.now_s;
        let delay_s = if ordered { 0 } else { 10 };
        let source = self.sources.entry(source.to_owned()).or_insert(Source {
            newest_s: event_s,
            heard_s: now_s,
            delay_s,
        });
        if event_s < source.newest_s {
            source.delay_s = 10;
        }
        source.newest_s = source.newest_s.max(event_s);
        source.heard_s = now_s;
    }

    /// Computes the watermark for this moment.
    pub fn settle(&mut self) {
        self.raise(self.vouched_for(self.now_s, self.now_s));
    }

    /// The minimum, at one time, over the sources that are active at another.
    fn vouched_for(&self, active_at_s: i64, at_s: i64) -> Option<i64> {
        let active = self
            .sources
            .values()
            .filter(|source| active_at_s - source.heard_s < IDLE_S);
        let active: Vec<&Source> = active.collect();
        let foremost_s = active.iter().map(|source| source.newest_s).max()?;
        active
            .iter()
            .filter(|source| foremost_s - source.newest_s <= LAGGING_S)
            .map(|source| source.newest_s.min(at_s) - source.delay_s)
            .min()
    }

    fn raise(&mut self, candidate_s: Option<i64>) {
        self.watermark_s = self.watermark_s.max(candidate_s);
    }
}

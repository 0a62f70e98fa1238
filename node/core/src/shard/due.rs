//! The next log time at which the shard changes without an event.

use super::{
    source::Sources,
    state::ShardState,
    watermark::{IDLE_AFTER_MS, Watermark},
};
use crate::time::{MINUTE_MS, PANE_MS, floor_to};

/// Ticks come at every pane while windows of recent events close or settle. After that they come at
/// the end of sessions.
const CLOSING_SPAN_MS: i64 = 2 * MINUTE_MS;

impl ShardState {
    /// Log time at which a tick would move the watermark past an end of a window or session; `None`
    /// if nothing changes before the next event.
    ///
    /// Always later than the present log time.
    pub fn next_due_ms(&self) -> Option<i64> {
        let now_ms = self.watermark.log_time_ms();
        let sources = self.sources();
        let due_ms = match self.watermark.foremost_ms(sources) {
            Some(_) => next_to_fall_idle_ms(sources, now_ms)?,
            None => {
                let watermark_ms = self.watermark.current_ms()?;
                let rest_ms = Watermark::rest_ms(sources)?;
                if watermark_ms >= rest_ms {
                    return None;
                }
                let next_ms = next_stop_ms(watermark_ms, rest_ms);
                Watermark::all_idle_at_ms(sources)?.max(now_ms) + (next_ms - watermark_ms)
            }
        };
        Some(due_ms.max(now_ms + 1))
    }
}

fn next_to_fall_idle_ms(sources: &Sources, now_ms: i64) -> Option<i64> {
    sources
        .iter()
        .filter(|(_, source)| source.newest_event_ms.is_some())
        .map(|(_, source)| source.heard_ms + IDLE_AFTER_MS)
        .filter(|&idle_ms| idle_ms > now_ms)
        .min()
}

/// The next pane while windows close, then the next minute while sessions end.
fn next_stop_ms(watermark_ms: i64, rest_ms: i64) -> i64 {
    let newest_ms = rest_ms - (crate::learner::SESSION_GAP_MS + MINUTE_MS);
    let step_ms = if watermark_ms < newest_ms + CLOSING_SPAN_MS {
        PANE_MS
    } else {
        MINUTE_MS
    };
    (floor_to(watermark_ms, step_ms) + step_ms).min(rest_ms)
}

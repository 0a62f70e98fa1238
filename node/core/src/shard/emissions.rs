//! Up to where the shard's windows have been emitted.

use serde::{Deserialize, Serialize};

use super::ShardState;
use crate::time::{PANE_MS, floor_to};

/// Closed windows are emitted at most this often, ms of log time: a replay of years in minutes must not turn to every learner at
/// every pane.
const EMIT_EVERY_MS: i64 = 1_000;

/// Part of the replicated state: no window is emitted twice or left out when the leader changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EmissionProgress {
    emitted_to_ms: i64,
    at_log_time_ms: i64,
}

impl Default for EmissionProgress {
    fn default() -> Self {
        Self {
            emitted_to_ms: i64::MIN,
            at_log_time_ms: i64::MIN,
        }
    }
}

/// Windows that end after `from_ms`, and at or before `to_ms`, are to be emitted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmissionSpan {
    /// Exclusive, ms of event time.
    pub from_ms: i64,
    /// Inclusive, ms of event time.
    pub to_ms: i64,
}

impl ShardState {
    /// The windows that have closed since the last call that returned some; to be called once after each entry.
    pub fn take_emission_span(&mut self) -> Option<EmissionSpan> {
        let to_ms = floor_to(self.watermark.current_ms()?, PANE_MS);
        let from_ms = self.emissions.emitted_to_ms;
        let now_ms = self.watermark.log_time_ms();
        let waits = now_ms < self.emissions.at_log_time_ms.saturating_add(EMIT_EVERY_MS);
        if to_ms <= from_ms || waits {
            return None;
        }
        self.emissions = EmissionProgress {
            emitted_to_ms: to_ms,
            at_log_time_ms: now_ms,
        };
        Some(EmissionSpan { from_ms, to_ms })
    }

    /// Windows that end at or before this have been emitted, ms of event time.
    pub fn emitted_to_ms(&self) -> i64 {
        self.emissions.emitted_to_ms
    }
}

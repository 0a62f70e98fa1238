//! Spans of event time. All times are ms since the Unix epoch, UTC; before it they are negative.

/// A pane: the unit of aggregation.
pub const PANE_MS: i64 = 5_000;
/// A minute.
pub const MINUTE_MS: i64 = 60_000;
/// An hour: no block of events is longer, and they expire by it.
pub const HOUR_MS: i64 = 3_600_000;
/// A day.
pub const DAY_MS: i64 = 86_400_000;

/// The largest multiple of `step_ms` that is not after `time_ms`.
///
/// The least number, which stands for "before everything", stays what it is.
pub fn floor_to(time_ms: i64, step_ms: i64) -> i64 {
    time_ms.saturating_sub(time_ms.rem_euclid(step_ms))
}

/// Start of the pane that holds this time.
pub fn pane_start(time_ms: i64) -> i64 {
    floor_to(time_ms, PANE_MS)
}

/// Number of the hour that holds this time, counted from the epoch.
pub fn hour_of(time_ms: i64) -> i64 {
    time_ms.div_euclid(HOUR_MS)
}

//! Spans of event time. All times are in ms since the Unix epoch, UTC, and negative before it.

/// A pane: the unit of aggregation.
pub const PANE_MS: i64 = 5_000;
/// A minute.
pub const MINUTE_MS: i64 = 60_000;
/// An hour: the longest span of a block, and the unit of expiry.
pub const HOUR_MS: i64 = 3_600_000;
/// A day.
pub const DAY_MS: i64 = 86_400_000;

/// The largest multiple of `step_ms` that is not after `time_ms`.
///
/// `i64::MIN`, which means "before everything", is returned unchanged.
pub fn floor_to(time_ms: i64, step_ms: i64) -> i64 {
    time_ms.saturating_sub(time_ms.rem_euclid(step_ms))
}

/// Start of the pane that contains a time.
pub fn pane_start(time_ms: i64) -> i64 {
    floor_to(time_ms, PANE_MS)
}

/// Number of the hour that contains a time, counted from the epoch.
pub fn hour_of(time_ms: i64) -> i64 {
    time_ms.div_euclid(HOUR_MS)
}

//! Bounds of one event.

/// The largest event that is taken, as received, bytes.
pub const EVENT_BYTES_MAX: usize = 64 * 1024;
/// What is kept of a refused event that is larger than that, bytes.
pub const CUT_PAYLOAD_BYTES: usize = 1024;
/// The longest id, type or source, bytes.
pub const NAME_BYTES_MAX: usize = 1024;
/// How far event time may be ahead of the receiving node's clock, ms.
pub const FUTURE_TOLERANCE_MS: i64 = 60_000;

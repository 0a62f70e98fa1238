//! Bounds of one event.

/// Upper bound of an event as received, bytes.
pub const EVENT_BYTES_MAX: usize = 64 * 1024;
/// Bytes that a dead letter keeps of an event above that bound.
pub const CUT_PAYLOAD_BYTES: usize = 1024;
/// Upper bound of an id, type or source, bytes.
pub const NAME_BYTES_MAX: usize = 1024;
/// How far an event time may be ahead of log time in the learner's shard, ms.
pub const FUTURE_TOLERANCE_MS: i64 = 60_000;

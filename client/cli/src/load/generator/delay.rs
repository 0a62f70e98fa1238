//! How long after it happened an event reaches the wire.

use fastrand::Rng;

/// The longest delay, ms: well within what a node takes by default.
pub(super) const DELAY_MAX_MS: i64 = 180_000;

/// How long after it happened an event reaches the wire, ms: most within a second, a few of a hundred within eight, a few of a
/// thousand within three minutes.
pub(super) fn delay_ms(rng: &mut Rng) -> i64 {
    match rng.u32(..1_000) {
        0..3 => rng.i64(8_000..DELAY_MAX_MS),
        3..40 => rng.i64(1_000..8_000),
        _ => rng.i64(0..1_000),
    }
}

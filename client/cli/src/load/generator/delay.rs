//! The delay from an event to its publication.

use fastrand::Rng;

/// The longest delay, ms. Far shorter than what a node accepts by default.
pub(super) const DELAY_MAX_MS: i64 = 180_000;

/// The delay from an event to its publication, ms: within a second for most, within eight for a few
/// in a hundred, within three minutes for a few in a thousand.
pub(super) fn delay_ms(rng: &mut Rng) -> i64 {
    match rng.u32(..1_000) {
        0..3 => rng.i64(8_000..DELAY_MAX_MS),
        3..40 => rng.i64(1_000..8_000),
        _ => rng.i64(0..1_000),
    }
}

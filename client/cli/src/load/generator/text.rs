//! Formats ids and times by hand, for speed.

use prost_types::Timestamp;

const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
/// Enough for a `u64` in any base from 4 up.
const DIGITS_MAX: usize = 32;

/// Pushes the last `digits` digits of a number in a base of 4 to 32, with leading zeros. The base
/// is a constant, so the compiler avoids divisions.
pub(super) fn push_digits<const BASE: u64>(to: &mut String, mut number: u64, digits: usize) {
    let mut text = [b'0'; DIGITS_MAX];
    let digits = digits.min(DIGITS_MAX);
    for place in text[..digits].iter_mut().rev() {
        *place = DIGITS[(number % BASE) as usize % DIGITS.len()];
        number /= BASE;
    }
    to.push_str(std::str::from_utf8(&text[..digits]).unwrap_or_default());
}

/// A name with a number: `page-0042`. A longer number is not cut.
pub(super) fn numbered(name: &str, number: u32, digits: usize) -> String {
    let mut text = String::with_capacity(name.len() + digits.max(10));
    text.push_str(name);
    let digits = digits.max(number.checked_ilog10().map_or(1, |log| log as usize + 1));
    push_digits::<10>(&mut text, number.into(), digits);
    text
}

/// Mixes the bits of a number (the finalizer of splitmix64).
pub(super) fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A time given in ms since the epoch.
pub(super) fn timestamp(at_ms: i64) -> Timestamp {
    Timestamp {
        seconds: at_ms.div_euclid(1_000),
        // Below 1,000,000,000, always.
        nanos: (at_ms.rem_euclid(1_000) * 1_000_000) as i32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_leading_zeros_and_never_cut() {
        assert_eq!(numbered("learner-", 123, 6), "learner-000123");
        assert_eq!(numbered("learner-", 1_234_567, 6), "learner-1234567");
        assert_eq!(numbered("page-", 0, 1), "page-0");
        let mut text = String::new();
        push_digits::<32>(&mut text, 33, 4);
        assert_eq!(text, "0011");
    }

    #[test]
    fn times_before_the_epoch_have_their_ms_too() {
        let time = timestamp(-1);
        assert_eq!((time.seconds, time.nanos), (-1, 999_000_000));
    }
}

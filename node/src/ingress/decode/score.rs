//! How event types are scored, and exact scores in millionths.

use homeroom_core::EventType;

const MILLIONTHS: u128 = 1_000_000;

/// How an event type is scored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scoring {
    None,
    /// By score and maximum.
    Score,
    /// By score and maximum, or by success alone.
    ScoreOrSuccess,
}

impl Scoring {
    pub fn of(event_type: Option<&EventType>) -> Self {
        match event_type {
            Some(EventType::QuizSubmitted | EventType::ScoreUpdated) => Self::Score,
            Some(EventType::QuestionAnswered) => Self::ScoreOrSuccess,
            _ => Self::None,
        }
    }
}

/// `score / max_score` in millionths, rounded half up. Both are taken as decimal numbers (the
/// shortest that parse as the same double), so that 0.0000005 of 1 is one millionth, as on paper.
///
/// Requires `0 ≤ score ≤ 2 · max_score` and `0 < max_score`, both finite.
pub(super) fn millionths(score: f64, max_score: f64) -> u32 {
    // A negative zero equals 0, but would be formatted with its sign.
    let score = score.abs();
    let rounded =
        if let (Some(score), Some(max_score)) = (small_integer(score), small_integer(max_score)) {
            divide_half_up(score * MILLIONTHS, max_score)
        } else {
            decimal_millionths(score, max_score)
        };
    u32::try_from(rounded).expect("at most twice the maximum")
}

/// Most scores are small integers, which need no decimal text.
fn small_integer(value: f64) -> Option<u128> {
    (value.fract() == 0.0 && value < 1e15).then_some(value as u128)
}

fn decimal_millionths(score: f64, max_score: f64) -> u128 {
    let (score_digits, score_exponent) = decimal(score);
    let (max_digits, max_exponent) = decimal(max_score);
    let shift = score_exponent - max_exponent;
    let power = 10_u128.checked_pow(shift.unsigned_abs());
    if score_digits == 0 {
        0
    } else if shift >= 0 {
        // score ≤ 2 · max_score bounds the scaled digits by those of the maximum.
        let scaled = power.and_then(|power| score_digits.checked_mul(power));
        divide_half_up(
            scaled.expect("at most twice the maximum") * MILLIONTHS,
            max_digits,
        )
    } else {
        // With a divisor beyond 128 bits the result is 0.
        let scaled = power.and_then(|power| max_digits.checked_mul(power));
        scaled.map_or(0, |divisor| {
            divide_half_up(score_digits * MILLIONTHS, divisor)
        })
    }
}

fn divide_half_up(dividend: u128, divisor: u128) -> u128 {
    let (quotient, remainder) = (dividend / divisor, dividend % divisor);
    quotient + u128::from(remainder >= divisor - remainder)
}

/// The shortest decimal that parses as this double: at most 17 digits, and a power of ten.
fn decimal(value: f64) -> (u128, i32) {
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits = [whole, fraction]
        .concat()
        .parse()
        .expect("digits of a finite double");
    let exponent: i32 = exponent.parse().expect("exponent of a finite double");
    (
        digits,
        exponent - i32::try_from(fraction.len()).expect("at most 17 digits"),
    )
}

//! Scores in millionths against exact fractions.

use num_bigint::BigInt;
use num_rational::BigRational;
use proptest::prelude::*;

use crate::ingress::decode::score::millionths;

/// A decimal as it is written, exactly.
fn exact(text: &str) -> BigRational {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let integer: BigInt = format!("{whole}{fraction}").parse().unwrap();
    let exponent = exponent.parse::<i32>().unwrap() - fraction.len() as i32;
    let ten = BigRational::from_integer(10.into());
    BigRational::from_integer(integer) * ten.pow(exponent)
}

fn expected(score: &str, max_score: &str) -> u32 {
    let million = BigRational::from_integer(1_000_000.into());
    let half = BigRational::new(1.into(), 2.into());
    let rounded = (exact(score) * million / exact(max_score) + half).floor();
    rounded.to_integer().try_into().unwrap()
}

#[test]
fn a_zero_below_zero_is_zero() {
    assert_eq!(millionths(-0.0, 0.3), 0);
    assert_eq!(millionths(-0.0, 4.0), 0);
}

fn check(score: &str, max_score: &str) {
    let found = millionths(score.parse().unwrap(), max_score.parse().unwrap());
    assert_eq!(found, expected(score, max_score), "{score} of {max_score}");
}

#[test]
fn halves_go_up() {
    let cases = [
        ("1", "128", 7_813),
        ("1", "640", 1_563),
        ("0.0000005", "1", 1),
        ("0.00000049999", "1", 0),
        ("0.1234565", "1", 123_457),
        ("1.005", "10.05", 100_000),
        ("1e-300", "1e300", 0),
        ("1e300", "1e300", 1_000_000),
        ("5e-324", "5e-324", 1_000_000),
        ("0", "1e-300", 0),
        ("2e15", "1e15", 2_000_000),
    ];
    for (score, max_score, millionths) in cases {
        assert_eq!(expected(score, max_score), millionths);
        check(score, max_score);
    }
}

/// Orders the two so that the score is at most twice its maximum.
fn check_ordered(one: &str, other: &str) {
    let two = BigRational::from_integer(2.into());
    if exact(one) <= exact(other) * two {
        check(one, other);
    } else {
        check(other, one);
    }
}

proptest! {
    #[test]
    fn integers_are_exact(score in 0_u64..1_000_000_000, above in 1_u64..1_000_000_000) {
        check(&score.to_string(), &(score / 2 + above).to_string());
    }

    #[test]
    fn decimals_are_exact(
        one in 1_u64..1_000_000_000_000_000,
        other in 1_u64..1_000_000_000_000_000,
        places in 0_i32..20,
        more in 0_i32..20,
    ) {
        check_ordered(&format!("{one}e-{places}"), &format!("{other}e-{more}"));
    }

    #[test]
    fn any_doubles_are_exact(one in f64::MIN_POSITIVE..=f64::MAX, other in f64::MIN_POSITIVE..=f64::MAX) {
        check_ordered(&format!("{one:e}"), &format!("{other:e}"));
    }

    #[test]
    fn ties_are_exact(half in 0_u64..2_000_000, scale in 1_u64..100_000) {
        // (2·half + 1) / 2,000,000 of 1, by any factor.
        let (score, max_score) = ((2 * half + 1) * scale, 2_000_000 * scale);
        check_ordered(&score.to_string(), &max_score.to_string());
        check_ordered(&format!("{score}e-7"), &format!("{max_score}e-7"));
    }
}

//! Rolling accuracy.

use crate::learner::attempts::{ROLLING_LONG, ROLLING_SHORT};

/// Rolling accuracy: means of score / maximum over the newest attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Accuracy {
    /// Over at most 5 attempts; `None` without one.
    pub last5: Option<f64>,
    /// Over at most 20 attempts; `None` without one.
    pub last20: Option<f64>,
    /// Number of attempts in `last20`.
    pub attempts: u32,
}

impl Accuracy {
    /// Computes the means from scores in millionths, newest first.
    pub fn over(newest_first: impl Iterator<Item = u32>) -> Self {
        let scores: Vec<u64> = newest_first.take(ROLLING_LONG).map(u64::from).collect();
        let mean = |scores: &[u64]| {
            (!scores.is_empty())
                .then(|| scores.iter().sum::<u64>() as f64 / scores.len() as f64 / 1_000_000.0)
        };
        Self {
            last5: mean(&scores[..scores.len().min(ROLLING_SHORT)]),
            last20: mean(&scores),
            attempts: u32::try_from(scores.len()).unwrap_or(u32::MAX),
        }
    }
}

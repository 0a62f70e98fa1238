//! Rolling accuracy.

use std::collections::{BTreeMap, BTreeSet};

use super::attempt::Attempt;

/// Mean scores over the newest attempts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RollingAccuracy {
    /// Over the newest five.
    pub last_5: Option<f64>,
    /// Over the newest twenty.
    pub last_20: Option<f64>,
    /// The same two per skill, where the attempt's newest event names it.
    pub by_skill: BTreeMap<String, (Option<f64>, Option<f64>)>,
}

/// From attempts, oldest first.
pub(crate) fn rolling_accuracy(attempts: &[Attempt<'_>]) -> RollingAccuracy {
    let skills: BTreeSet<&str> = attempts
        .iter()
        .filter_map(|attempt| attempt.newest.skill_id.as_deref())
        .collect();
    let by_skill = skills.into_iter().map(|skill| {
        let of_skill = attempts
            .iter()
            .filter(|attempt| attempt.newest.skill_id.as_deref() == Some(skill));
        let of_skill: Vec<Attempt<'_>> = of_skill.copied().collect();
        (
            skill.to_owned(),
            (mean_of_newest(&of_skill, 5), mean_of_newest(&of_skill, 20)),
        )
    });
    RollingAccuracy {
        last_5: mean_of_newest(attempts, 5),
        last_20: mean_of_newest(attempts, 20),
        by_skill: by_skill.collect(),
    }
}

fn mean_of_newest(attempts: &[Attempt<'_>], count: usize) -> Option<f64> {
    let newest = &attempts[attempts.len().saturating_sub(count)..];
    let sum: i64 = newest.iter().map(|attempt| attempt.millionths).sum();
    (!newest.is_empty()).then(|| sum as f64 / newest.len() as f64 / 1_000_000.0)
}

//! Scored attempts: only the newest event of an attempt counts.

use std::collections::HashMap;

/// Attempts in the accuracy of a skill.
const ROLLING: usize = 20;

/// Time and id of an event, which order the events of a learner.
pub(super) type Key = (i64, String);

/// The attempts of a learner.
#[derive(Default)]
pub(super) struct Attempts {
    by_id: HashMap<String, Attempt>,
    /// The newest attempts of each skill, newest first, with their scores.
    by_skill: HashMap<String, Vec<(Key, u64)>>,
}

/// An attempt, by its newest event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) newest: Key,
    /// Score / maximum, in millionths.
    pub(super) score: u64,
    pub(super) course_id: String,
    pub(super) skill_id: String,
    /// Whether it is a submitted quiz.
    pub(super) is_quiz: bool,
}

impl Attempts {
    /// Adds a scored event to its attempt; without an id it is an attempt of its own. Returns the
    /// attempt before, if any, and after.
    pub(super) fn add(
        &mut self,
        attempt_id: String,
        mut attempt: Attempt,
    ) -> (Option<Attempt>, Attempt) {
        let known = match attempt_id.is_empty() {
            true => None,
            false => self.by_id.remove(&attempt_id),
        };
        if let Some(known) = &known {
            let is_quiz = known.is_quiz || attempt.is_quiz;
            if known.newest > attempt.newest {
                attempt = known.clone();
            }
            attempt.is_quiz = is_quiz;
            if let Some(newest) = self.by_skill.get_mut(&known.skill_id) {
                newest.retain(|(key, _)| *key != known.newest);
            }
        }
        self.list(&attempt);
        if !attempt_id.is_empty() {
            self.by_id.insert(attempt_id, attempt.clone());
        }
        (known, attempt)
    }

    fn list(&mut self, attempt: &Attempt) {
        if attempt.skill_id.is_empty() {
            return;
        }
        let newest = self.by_skill.entry(attempt.skill_id.clone()).or_default();
        let place = newest.partition_point(|(key, _)| *key > attempt.newest);
        newest.insert(place, (attempt.newest.clone(), attempt.score));
        newest.truncate(ROLLING);
    }

    /// The mean score of a skill's newest attempts, in millionths.
    #[cfg(test)]
    pub(super) fn accuracy(&self, skill_id: &str) -> Option<u64> {
        let newest = self.by_skill.get(skill_id)?;
        let sum: u64 = newest.iter().map(|(_, score)| score).sum();
        sum.checked_div(newest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(at_ms: i64, score: u64, is_quiz: bool) -> Attempt {
        Attempt {
            newest: (at_ms, format!("e{at_ms}")),
            score,
            course_id: String::new(),
            skill_id: "sums".to_owned(),
            is_quiz,
        }
    }

    #[test]
    fn of_one_attempt_only_the_newest_event_counts() {
        let mut attempts = Attempts::default();
        let (before, now) = attempts.add("a".to_owned(), attempt(2, 500, true));
        assert_eq!((before, now.score), (None, 500));
        let (before, now) = attempts.add("a".to_owned(), attempt(3, 800, false));
        assert_eq!(before.map(|it| it.score), Some(500));
        assert_eq!((now.score, now.is_quiz), (800, true));
        let (_, now) = attempts.add("a".to_owned(), attempt(1, 100, false));
        assert_eq!(now.score, 800, "it came late");
        assert_eq!(attempts.accuracy("sums"), Some(800));
        for at_ms in 10..40 {
            attempts.add(String::new(), attempt(at_ms, 1_000, false));
        }
        assert_eq!(attempts.accuracy("sums"), Some(1_000));
    }
}

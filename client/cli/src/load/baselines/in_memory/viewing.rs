//! Watched time, from the starts and stops of one video in one session.

use std::collections::BTreeMap;

use super::attempts::Key;

/// Cap of watched time where no event contains the video's length, ms.
const DEFAULT_CAP_MS: i64 = 30 * 60_000;

/// One video in one session.
#[derive(Default)]
pub(super) struct Viewing {
    length_ms: Option<i64>,
    facts: BTreeMap<Key, Fact>,
}

/// A start or a stop.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) is_start: bool,
    pub(super) course_id: String,
}

/// A change of a course's watched time at a time, ms; may be negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Credit {
    pub(super) at_ms: i64,
    pub(super) course_id: String,
    pub(super) watched_ms: i64,
}

impl Viewing {
    /// Adds an event. Returns the changes of watched time.
    pub(super) fn add(
        &mut self,
        key: Key,
        fact: Option<Fact>,
        length_ms: Option<i64>,
    ) -> Vec<Credit> {
        let mut changes = Vec::new();
        if length_ms > self.length_ms {
            changes.extend(self.credits().map(Credit::negated));
            self.length_ms = length_ms;
            changes.extend(self.credits());
        }
        let Some(fact) = fact else {
            return changes;
        };
        let before = self.facts.range(..&key).next_back();
        let after = self.facts.range(&key..).next();
        changes.extend(
            after
                .and_then(|it| self.credit(before, it))
                .map(Credit::negated),
        );
        changes.extend(self.credit(before, (&key, &fact)));
        changes.extend(after.and_then(|it| self.credit(Some((&key, &fact)), it)));
        self.facts.insert(key, fact);
        changes
    }

    fn credits(&self) -> impl Iterator<Item = Credit> {
        let before = std::iter::once(None).chain(self.facts.iter().map(Some));
        let pairs = before.zip(&self.facts);
        pairs.filter_map(|(before, fact)| self.credit(before, fact))
    }

    /// A stop right after a start counts the time between, up to the cap.
    fn credit(&self, before: Option<(&Key, &Fact)>, (key, fact): (&Key, &Fact)) -> Option<Credit> {
        let (started, _) = before.filter(|(_, before)| before.is_start && !fact.is_start)?;
        let cap_ms = self.length_ms.unwrap_or(DEFAULT_CAP_MS);
        Some(Credit {
            at_ms: key.0,
            course_id: fact.course_id.clone(),
            watched_ms: (key.0 - started.0).min(cap_ms),
        })
    }
}

impl Credit {
    fn negated(self) -> Self {
        Self {
            watched_ms: -self.watched_ms,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums up changes.
    fn watched(changes: &[Credit]) -> i64 {
        changes.iter().map(|credit| credit.watched_ms).sum()
    }

    #[test]
    fn a_stop_right_after_a_start_counts_whatever_the_order_in_which_they_come() {
        let fact = |is_start| {
            let course_id = String::new();
            Some(Fact {
                is_start,
                course_id,
            })
        };
        let at = |ms: i64| (ms, format!("e{ms}"));
        let mut viewing = Viewing::default();
        let mut changes = viewing.add(at(9_000), fact(false), None);
        changes.extend(viewing.add(at(1_000), fact(true), None));
        assert_eq!(watched(&changes), 8_000);
        changes.extend(viewing.add(at(4_000), fact(false), None));
        assert_eq!(
            watched(&changes),
            3_000,
            "the later stop has no start any more"
        );
        changes.extend(viewing.add(at(5_000), fact(true), None));
        assert_eq!(watched(&changes), 7_000);
        changes.extend(viewing.add(at(9_500), None, Some(2_000)));
        assert_eq!(watched(&changes), 4_000, "no more than the video is long");
    }
}

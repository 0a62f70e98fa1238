//! The answers of an entry's learners: each has a place, and the last one to answer wakes the shard, once.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::GroupApplied;
use crate::learner::codec::LoadError;

type Answer = Result<GroupApplied, LoadError>;

/// An entry's learners did not all apply it.
#[derive(Debug, thiserror::Error)]
pub enum RoundError {
    /// What an event needs can't be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// One stopped without an answer.
    #[error("a learner stopped while it was applying an entry")]
    WentAway,
}

/// Waits for all learners of one entry.
#[derive(Debug)]
pub struct Round(Arc<Turns>);

#[derive(Debug)]
struct Turns {
    answers: Box<[Mutex<Option<Answer>>]>,
    /// How many have neither answered nor gone away.
    left: AtomicUsize,
    complete: Notify,
}

/// One learner's turn to answer. Dropped without an answer, it counts as a learner that has gone away.
#[derive(Debug)]
pub struct Turn {
    turns: Arc<Turns>,
    group: usize,
}

impl Round {
    /// For so many learners, at least one.
    pub fn of(learners: usize) -> Self {
        Self(Arc::new(Turns {
            answers: (0..learners).map(|_| Mutex::new(None)).collect(),
            left: AtomicUsize::new(learners),
            complete: Notify::new(),
        }))
    }

    /// The turn of the learner of a group; to be asked for once for each.
    pub fn turn(&self, group: usize) -> Turn {
        Turn {
            turns: Arc::clone(&self.0),
            group,
        }
    }

    /// The answers, in the order of the groups.
    ///
    /// # Errors
    /// When a learner can't apply the entry.
    pub async fn complete(self) -> Result<Vec<GroupApplied>, RoundError> {
        self.0.complete.notified().await;
        let answers = self.0.answers.iter();
        let answers = answers.map(|answer| {
            let answer = answer.lock().take().ok_or(RoundError::WentAway)?;
            Ok(answer?)
        });
        answers.collect()
    }
}

impl Turn {
    /// Gives the learner's answer.
    pub fn answer(self, applied: Result<GroupApplied, LoadError>) {
        *self.turns.answers[self.group].lock() = Some(applied);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.turns.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.turns.complete.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use homeroom_core::learner::Verdict;

    use super::*;

    fn applied(last_event_ms: i64) -> GroupApplied {
        GroupApplied {
            verdicts: [Verdict::Shadowed].into(),
            joined: Vec::new(),
            corrected_windows: 0,
            last_event_ms,
            unsaved_bytes: 0,
            memory_bytes: 0,
        }
    }

    #[tokio::test]
    async fn answers_come_in_the_order_of_the_groups() {
        let round = Round::of(3);
        let turns = [2, 0, 1].map(|group| (group, round.turn(group)));
        for (group, turn) in turns {
            turn.answer(Ok(applied(group as i64)));
        }
        let answers = round.complete().await.expect("everybody answered");
        assert_eq!(
            answers
                .iter()
                .map(|it| it.last_event_ms)
                .collect::<Vec<_>>(),
            [0, 1, 2]
        );
    }

    #[tokio::test]
    async fn a_learner_that_went_away_is_noticed() {
        let round = Round::of(2);
        let (first, second) = (round.turn(0), round.turn(1));
        drop(second);
        first.answer(Ok(applied(0)));
        assert!(matches!(round.complete().await, Err(RoundError::WentAway)));
    }
}

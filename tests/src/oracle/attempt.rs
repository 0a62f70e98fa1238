//! Attempts: scored events that replace each other.

use std::collections::BTreeMap;

use super::event::NaiveEvent;
use super::kind::Kind;

/// One attempt, at the position of its newest event.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The event that counts.
    pub newest: &'a NaiveEvent,
    /// Its score.
    pub millionths: i64,
    /// Whether a `quiz_submitted` is among its events.
    pub is_quiz: bool,
}

/// The attempts of one learner's sorted events, oldest first.
pub(crate) fn attempts_of<'a>(events: &[&'a NaiveEvent]) -> Vec<Attempt<'a>> {
    let mut named: BTreeMap<&str, Attempt<'a>> = BTreeMap::new();
    let mut attempts = Vec::new();
    for event in events
        .iter()
        .copied()
        .filter(|event| event.kind() == Kind::Assessment)
    {
        // Every valid assessment has a score; the default only avoids a panic.
        let millionths = event.score_millionths().unwrap_or_default();
        let alone = Attempt {
            newest: event,
            millionths,
            is_quiz: event.event_type == "quiz_submitted",
        };
        let Some(attempt_id) = event.attempt_id.as_deref() else {
            attempts.push(alone);
            continue;
        };
        let was_quiz = named.get(attempt_id).is_some_and(|older| older.is_quiz);
        named.insert(
            attempt_id,
            Attempt {
                is_quiz: alone.is_quiz || was_quiz,
                ..alone
            },
        );
    }
    attempts.extend(named.into_values());
    attempts.sort_by(|a, b| a.newest.order().cmp(&b.newest.order()));
    attempts
}

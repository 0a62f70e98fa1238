//! Counts of final outcomes.

use homeroom_proto::{
    short_name,
    v1::{DeadLetterReason, EventOutcome, EventStatus},
};

/// The number of counters: more than the contract has reasons. The last one counts all reasons that
/// this client does not know.
const REASONS: usize = 16;

/// Counts of outcomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events counted for the first time.
    pub accepted: u64,
    /// Events that had been delivered before: an earlier delivery counted, maybe one of the same
    /// run whose outcome was unknown for a while.
    pub duplicate: u64,
    /// Events that arrived although another source is authoritative.
    pub shadowed: u64,
    /// Events that may or may not be stored, and may yet be: no attempt brought an outcome, and at
    /// least one of them may have arrived. Sending them again, with the same ids, resolves that.
    pub unknown: u64,
    /// Events that are certainly not stored.
    pub not_stored: u64,
    dead_lettered_by_reason: [u64; REASONS],
}

impl Tally {
    /// Counts the outcomes of a batch.
    pub fn add(&mut self, outcomes: &[EventOutcome]) {
        for outcome in outcomes {
            match outcome.status() {
                EventStatus::Accepted => self.accepted += 1,
                EventStatus::Duplicate => self.duplicate += 1,
                EventStatus::Shadowed => self.shadowed += 1,
                EventStatus::DeadLettered => {
                    let reason = usize::try_from(outcome.reason)
                        .unwrap_or(0)
                        .min(REASONS - 1);
                    self.dead_lettered_by_reason[reason] += 1;
                }
                EventStatus::Retry if outcome.unknown => self.unknown += 1,
                EventStatus::Retry => self.not_stored += 1,
                EventStatus::Unspecified => {}
            }
        }
    }

    /// All events with a final outcome: neither unknown nor not stored.
    pub fn received(&self) -> u64 {
        self.accepted + self.duplicate + self.shadowed + self.dead_lettered()
    }

    /// All refused events.
    pub fn dead_lettered(&self) -> u64 {
        self.dead_lettered_by_reason.iter().sum()
    }

    /// The reasons that occurred, by their names in snake case, in the contract's order.
    pub fn dead_lettered_by_reason(&self) -> impl Iterator<Item = (String, u64)> {
        let counted = self.dead_lettered_by_reason.iter().enumerate();
        counted
            .filter(|(_, count)| **count > 0)
            .map(|(index, count)| {
                let reason = i32::try_from(index).unwrap_or(0);
                let reason = DeadLetterReason::try_from(reason).unwrap_or_default();
                let name = short_name(reason.as_str_name(), "DEAD_LETTER_REASON_");
                (name.to_ascii_lowercase(), *count)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_add_up_and_reasons_have_names() {
        let outcome = |status: EventStatus, reason: DeadLetterReason| EventOutcome {
            status: status.into(),
            reason: reason.into(),
            ..EventOutcome::default()
        };
        let none = DeadLetterReason::Unspecified;
        let mut tally = Tally::default();
        tally.add(&[
            outcome(EventStatus::Accepted, none),
            outcome(EventStatus::Duplicate, DeadLetterReason::Oversized),
            outcome(EventStatus::Shadowed, none),
            outcome(EventStatus::DeadLettered, DeadLetterReason::BadTimestamp),
            outcome(EventStatus::DeadLettered, DeadLetterReason::BadTimestamp),
            outcome(EventStatus::Retry, none),
            EventOutcome {
                unknown: true,
                ..outcome(EventStatus::Retry, none)
            },
            EventOutcome {
                unknown: true,
                ..outcome(EventStatus::Retry, none)
            },
        ]);
        assert_eq!((tally.unknown, tally.not_stored), (2, 1));
        assert_eq!(
            (tally.received(), tally.dead_lettered()),
            (5, 2),
            "a retry is not final"
        );
        let reasons: Vec<_> = tally.dead_lettered_by_reason().collect();
        assert_eq!(reasons, [("bad_timestamp".to_owned(), 2)]);
    }
}

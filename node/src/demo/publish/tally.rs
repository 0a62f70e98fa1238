//! Final outcomes, counted.

use std::collections::BTreeMap;

use homeroom_proto::{
    short_name,
    v1::{DeadLetterReason, EventOutcome, EventStatus},
};

/// Final outcomes, counted as the acknowledgements told them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Counted, for the first time.
    pub accepted: u64,
    /// Delivered before.
    pub duplicate: u64,
    /// Seen, but another source is authoritative.
    pub shadowed: u64,
    /// Refused and kept, by the name of the reason in snake case.
    pub dead_lettered: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts an outcome; false when it is not final, and the event is to be sent again.
    pub fn add(&mut self, outcome: &EventOutcome) -> bool {
        match outcome.status() {
            EventStatus::Accepted => self.accepted += 1,
            EventStatus::Duplicate => self.duplicate += 1,
            EventStatus::Shadowed => self.shadowed += 1,
            EventStatus::DeadLettered => {
                let reason = reason_name(outcome.reason());
                *self.dead_lettered.entry(reason).or_default() += 1;
            }
            EventStatus::Retry | EventStatus::Unspecified => return false,
        }
        true
    }

    /// All refused events.
    pub fn refused(&self) -> u64 {
        self.dead_lettered.values().sum()
    }

    /// All events that have an outcome.
    pub fn received(&self) -> u64 {
        self.accepted + self.duplicate + self.shadowed + self.refused()
    }
}

fn reason_name(reason: DeadLetterReason) -> String {
    short_name(reason.as_str_name(), "DEAD_LETTER_REASON_").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_received_is_the_sum_of_all_outcomes_that_are_final() {
        let outcome = |status: EventStatus, reason: DeadLetterReason| EventOutcome {
            status: status.into(),
            reason: reason.into(),
            ..EventOutcome::default()
        };
        let none = DeadLetterReason::Unspecified;
        let mut tally = Tally::default();
        let finals = [
            outcome(EventStatus::Accepted, none),
            outcome(EventStatus::Duplicate, DeadLetterReason::Malformed),
            outcome(EventStatus::Shadowed, none),
            outcome(EventStatus::DeadLettered, DeadLetterReason::BadTimestamp),
        ];
        assert!(finals.iter().all(|outcome| tally.add(outcome)));
        assert!(!tally.add(&outcome(EventStatus::Retry, none)));
        assert_eq!((tally.received(), tally.refused()), (4, 1));
        assert_eq!(tally.dead_lettered["bad_timestamp"], 1);
    }
}

//! Encodes outcomes as the bytes that [`Applied`] carries: one byte for each delivery, in order.
//! Raft does not interpret them.
//!
//! ```text
//! 0 accepted   1 shadowed   2 duplicate   3 conflicting duplicate
//! 0x40 + reason  dead letter
//! 0x80 + reason  duplicate of a dead letter
//! 0xc0 + reason  conflicting duplicate of one
//! ```
//!
//! The bytes stay within the process, so no build reads those of another.

use bytes::Bytes;
use homeroom_core::{Reason, shard::Outcome};

use crate::raft::Applied;

const ACCEPTED: u8 = 0;
const SHADOWED: u8 = 1;
const DUPLICATE: u8 = 2;
const CONFLICTING: u8 = 3;
const DEAD_LETTERED: u8 = 0x40;
const DUPLICATE_LETTER: u8 = 0x80;
const CONFLICTING_LETTER: u8 = 0xc0;
const REASON: u8 = 0x3f;
const _: () = assert!(Reason::ALL.len() <= REASON as usize + 1);

/// The result of a batch for its proposer.
pub fn encode(outcomes: &[Outcome]) -> Applied {
    let codes: Vec<u8> = outcomes.iter().map(|outcome| code(*outcome)).collect();
    Applied(Bytes::from(codes))
}

/// The outcomes of some deliveries; `None` when a byte is unknown.
pub fn decode(codes: &[u8]) -> Option<Vec<Outcome>> {
    codes.iter().map(|code| outcome(*code)).collect()
}

fn code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Accepted => ACCEPTED,
        Outcome::Shadowed => SHADOWED,
        Outcome::DeadLettered(reason) => DEAD_LETTERED | reason as u8,
        Outcome::Duplicate {
            conflicting,
            reason,
        } => match (conflicting, reason) {
            (false, None) => DUPLICATE,
            (true, None) => CONFLICTING,
            (false, Some(reason)) => DUPLICATE_LETTER | reason as u8,
            (true, Some(reason)) => CONFLICTING_LETTER | reason as u8,
        },
    }
}

fn outcome(code: u8) -> Option<Outcome> {
    let duplicate = |conflicting, reason| Outcome::Duplicate {
        conflicting,
        reason,
    };
    match code {
        ACCEPTED => return Some(Outcome::Accepted),
        SHADOWED => return Some(Outcome::Shadowed),
        DUPLICATE => return Some(duplicate(false, None)),
        CONFLICTING => return Some(duplicate(true, None)),
        _ => {}
    }
    let reason = *Reason::ALL.get(usize::from(code & REASON))?;
    match code & !REASON {
        DEAD_LETTERED => Some(Outcome::DeadLettered(reason)),
        DUPLICATE_LETTER => Some(duplicate(false, Some(reason))),
        CONFLICTING_LETTER => Some(duplicate(true, Some(reason))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_outcome() -> Vec<Outcome> {
        let reasons = || Reason::ALL.into_iter().map(Some).chain([None]);
        let duplicates = [false, true].into_iter().flat_map(|conflicting| {
            reasons().map(move |reason| Outcome::Duplicate {
                conflicting,
                reason,
            })
        });
        [Outcome::Accepted, Outcome::Shadowed]
            .into_iter()
            .chain(duplicates)
            .chain(Reason::ALL.map(Outcome::DeadLettered))
            .collect()
    }

    #[test]
    fn every_outcome_has_a_byte_of_its_own() {
        let outcomes = every_outcome();
        let Applied(codes) = encode(&outcomes);
        assert_eq!(codes.len(), outcomes.len());
        assert_eq!(decode(&codes), Some(outcomes));
        let known: Vec<u8> = (0..=u8::MAX)
            .filter(|code| outcome(*code).is_some())
            .collect();
        assert_eq!(known.len(), codes.len());
    }
}

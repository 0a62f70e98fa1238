//! The outcomes and position of a request as protobuf messages.

use homeroom_core::{Reason, shard::Outcome};
use homeroom_proto::v1;

use crate::route::{Delivered, DeliveryError, Positions};

/// The outcomes of a request, with the details of its refusals.
pub fn to_outcomes(delivered: &Delivered, details: &[(u32, String)]) -> Vec<v1::EventOutcome> {
    let mut outcomes: Vec<v1::EventOutcome> = delivered
        .outcomes
        .iter()
        .map(|outcome| to_outcome(*outcome))
        .collect();
    for (slot, detail) in details {
        // A refusal that is not stored is no refusal yet.
        if let Some(outcome) = outcomes.get_mut(*slot as usize)
            && outcome.status() != v1::EventStatus::Retry
        {
            outcome.detail.clone_from(detail);
        }
    }
    outcomes
}

/// The position at which the whole request is applied.
pub fn to_token(cluster_id: &str, positions: &Positions) -> v1::PositionToken {
    let shards = positions
        .iter()
        .map(|(shard, position)| v1::ShardPosition {
            shard: shard.into(),
            index: position.index,
            term: position.term,
            leader: position.leader,
        })
        .collect();
    v1::PositionToken {
        cluster_id: cluster_id.to_owned(),
        shards,
    }
}

/// The protobuf enum value of a reason.
pub fn to_reason(reason: Reason) -> v1::DeadLetterReason {
    match reason {
        Reason::Malformed => v1::DeadLetterReason::Malformed,
        Reason::MissingField => v1::DeadLetterReason::MissingField,
        Reason::BadTimestamp => v1::DeadLetterReason::BadTimestamp,
        Reason::FutureTimestamp => v1::DeadLetterReason::FutureTimestamp,
        Reason::ValueOutOfRange => v1::DeadLetterReason::ValueOutOfRange,
        Reason::Oversized => v1::DeadLetterReason::Oversized,
        Reason::SchemaMismatch => v1::DeadLetterReason::SchemaMismatch,
        Reason::Late => v1::DeadLetterReason::Late,
        Reason::BeyondRetention => v1::DeadLetterReason::BeyondRetention,
        Reason::Poison => v1::DeadLetterReason::Poison,
        Reason::LearnerFull => v1::DeadLetterReason::LearnerFull,
    }
}

/// The common reason why no delivery of a request has an outcome; `None` when one has, or when the
/// reasons differ.
pub fn refusal_of_all(delivered: &Delivered) -> Option<DeliveryError> {
    let mut outcomes = delivered.outcomes.iter();
    let first = outcomes.next()?.err()?;
    outcomes
        .all(|outcome| *outcome == Err(first))
        .then_some(first)
}

fn to_outcome(outcome: Result<Outcome, DeliveryError>) -> v1::EventOutcome {
    let (status, reason, conflicting) = match outcome {
        Ok(Outcome::Accepted) => (v1::EventStatus::Accepted, None, false),
        Ok(Outcome::Duplicate {
            conflicting,
            reason,
        }) => (v1::EventStatus::Duplicate, reason, conflicting),
        Ok(Outcome::Shadowed) => (v1::EventStatus::Shadowed, None, false),
        Ok(Outcome::DeadLettered(reason)) => (v1::EventStatus::DeadLettered, Some(reason), false),
        Err(error) => {
            return v1::EventOutcome {
                status: v1::EventStatus::Retry.into(),
                detail: error.to_string(),
                unknown: error == DeliveryError::Unknown,
                ..v1::EventOutcome::default()
            };
        }
    };
    v1::EventOutcome {
        status: status.into(),
        reason: reason
            .map_or(v1::DeadLetterReason::Unspecified, to_reason)
            .into(),
        detail: reason.map_or_else(String::new, |reason| reason.words().to_owned()),
        conflicting,
        unknown: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(outcomes: &[Result<Outcome, DeliveryError>]) -> Delivered {
        Delivered {
            outcomes: outcomes.to_vec(),
            positions: Positions::default(),
        }
    }

    #[test]
    fn only_what_may_be_stored_is_unknown() {
        let errors = [
            DeliveryError::NotLeader,
            DeliveryError::Unknown,
            DeliveryError::Sealed,
        ];
        let delivered = delivered(&errors.map(Err));
        let refused = "its timestamp can't be read".to_owned();
        let outcomes = to_outcomes(&delivered, &[(0, refused)]);
        for (outcome, error) in outcomes.iter().zip(errors) {
            assert_eq!(outcome.status(), v1::EventStatus::Retry);
            assert_eq!(
                outcome.unknown,
                error == DeliveryError::Unknown,
                "{error:?}"
            );
            assert_eq!(outcome.detail, error.to_string());
        }
    }

    #[test]
    fn a_request_is_refused_whole_only_for_one_reason() {
        let (not_leader, unknown) = (Err(DeliveryError::NotLeader), Err(DeliveryError::Unknown));
        let accepted = Ok(Outcome::Accepted);
        for (outcomes, refusal) in [
            (&[][..], None),
            (&[accepted, unknown], None),
            (&[unknown, accepted], None),
            (&[not_leader, unknown], None),
            (&[not_leader, not_leader], Some(DeliveryError::NotLeader)),
            (&[unknown], Some(DeliveryError::Unknown)),
        ] {
            assert_eq!(
                refusal_of_all(&delivered(outcomes)),
                refusal,
                "{outcomes:?}"
            );
        }
    }
}
